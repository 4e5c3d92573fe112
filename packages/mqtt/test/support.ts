import { createServer } from 'node:net'
import { createNode, type Node } from '@commlib/core'
import type { ConnectOptions } from '@commlib/core/internal'
import { connected, createCleanup, listen, type Program, startProgram, type Told } from '@commlib/testing/support'
import { Aedes, type AedesOptions } from 'aedes'
import { type MqttOptions, mqtt } from '../src/index.ts'

export { bytes, eventually, list, listen, quiet, type Told, text, unique } from '@commlib/testing/support'

/** Runs when the test is over. */
export const after = createCleanup()

/** A connected transport, and what it has told; closed after the test. */
export function connect(url: string, options: MqttOptions = {}, how: ConnectOptions = {}): Promise<Told> {
  const transport = mqtt(url, options)
  after(() => transport.close())
  return connected(transport, how)
}

/** A node, and what it could tell nobody else; closed after the test. */
export async function openNode(
  url: string,
  options: MqttOptions = {},
): Promise<{ readonly node: Node; readonly errors: unknown[] }> {
  const errors: unknown[] = []
  const node = await createNode({
    transport: mqtt(url, options),
    heartbeat: false,
    onError: error => void errors.push(error),
  })
  after(() => node.close())
  return { node, errors }
}

/** A broker that speaks MQTT 3.1.1 and nothing else, in this process. */
export async function startAedes(
  options: AedesOptions = {},
): Promise<{ readonly url: string; readonly broker: Aedes }> {
  const broker = await Aedes.createBroker(options)
  const server = createServer(broker.handle)
  const port = await listen(server)
  after(async () => {
    server.close()
    await new Promise<void>(resolve => broker.close(resolve))
  })
  return { url: `mqtt://127.0.0.1:${port}`, broker }
}

/** Runs a module with `mqtt` and core's exports in scope, in a process of its own. Ended after the test. */
export function run(source: string): Program {
  const program = startProgram(`
    import { action, createNode, rpc, topic } from '${new URL('../../core/src/index.ts', import.meta.url).href}'
    import { mqtt } from '${new URL('../src/index.ts', import.meta.url).href}'
    ${source}`)
  after(() => program.kill('SIGKILL'))
  return program
}

import type { ConnectOptions } from '@commlib/core/internal'
import type { Broker } from '@commlib/testing'
import { connected, createCleanup, type Program, startProgram, type Told } from '@commlib/testing/support'
import { type Channel, connect as connectAmqplib } from 'amqplib'
import { type AmqpOptions, amqp } from '../src/index.ts'

export { bytes, eventually, list, listen, quiet, type Told, text, unique } from '@commlib/testing/support'

/** Runs when the test is over. */
export const after = createCleanup()

/** A connected transport, and what it has told; closed after the test. */
export function connect(
  url: string | readonly string[],
  options: AmqpOptions = {},
  how: ConnectOptions = {},
): Promise<Told> {
  const transport = amqp(url, options)
  after(() => transport.close())
  return connected(transport, how)
}

/** Another program on the same broker: a channel of plain amqplib, which ends with the test. */
export async function other({ url }: Pick<Broker, 'url'>): Promise<Channel> {
  const connection = await connectAmqplib(url)
  connection.on('error', () => {})
  after(() => connection.close().catch(() => {}))
  const channel = await connection.createChannel()
  channel.on('error', () => {})
  return channel
}

/** Runs a module with `amqp` and core's exports in scope, in a process of its own. Ended after the test. */
export function run(source: string): Program {
  const program = startProgram(`
    import { action, createNode, rpc, topic } from '${new URL('../../core/src/index.ts', import.meta.url).href}'
    import { amqp } from '${new URL('../src/index.ts', import.meta.url).href}'
    ${source}`)
  after(() => program.kill('SIGKILL'))
  return program
}

import { type Node, rpc } from '@commlib/core'
import type { ConnectOptions } from '@commlib/core/internal'
import {
  connected,
  createCleanup,
  list,
  type Program,
  quiet,
  startProgram,
  type Told,
  unique,
} from '@commlib/testing/support'
import { Redis } from 'ioredis'
import { expect } from 'vitest'
import { type RedisOptions, redis } from '../src/index.ts'

export { bytes, eventually, list, listen, quiet, type Told, text, unique } from '@commlib/testing/support'

/** Runs when the test is over. */
export const after = createCleanup()

/** A connected transport, and what it has told; closed after the test. */
export function connect(
  where: string | RedisOptions,
  options: RedisOptions = {},
  how: ConnectOptions = {},
): Promise<Told> {
  const transport = typeof where === 'string' ? redis(where, options) : redis({ ...where, ...options })
  after(() => transport.close())
  return connected(transport, how)
}

/** A connection of ioredis, to look at the server and to be another program. */
export function raw(url: string): Redis {
  const client = new Redis(url)
  after(() => client.disconnect())
  return client
}

/** Runs a module with `redis` and core's exports in scope, in a process of its own. Ended after the test. */
export function run(source: string): Program {
  const program = startProgram(`
    import { action, createNode, rpc, topic } from '${new URL('../../core/src/index.ts', import.meta.url).href}'
    import { redis } from '${new URL('../src/index.ts', import.meta.url).href}'
    ${source}`)
  after(() => program.kill('SIGKILL'))
  return program
}

/** 1,000 calls, of which every other one is given up before it is answered. */
export async function callHalfInVain(caller: Node, service: Node): Promise<void> {
  const Half = rpc<{ n: number }, { n: number }>(unique())
  await service.serve(
    Half,
    async ({ n }, { signal }) => {
      if (n % 2 === 1) {
        await new Promise(resolve => signal.addEventListener('abort', resolve))
        // By the server's clock, which may be a little ahead of the caller's.
        await quiet()
      }
      return { n }
    },
    { concurrency: 1000 },
  )
  const call = caller.client(Half)
  const outcomes = list(1000).map(n =>
    call({ n: Number(n) }, { timeout: 1500 }).then(
      () => 'answered',
      error => error.code,
    ),
  )
  expect(await Promise.all(outcomes)).toEqual(list(1000).map(n => (Number(n) % 2 === 1 ? 'TIMEOUT' : 'answered')))
}

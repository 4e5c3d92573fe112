import { setTimeout as sleep } from 'node:timers/promises'
import { createNode, memory, transportFor } from '@commlib/core'
import { mqtt } from '@commlib/mqtt'
import { Brew } from './contracts.ts'

const { COMMLIB_URL = 'memory://' } = process.env

export const server = await createNode({ name: 'machine', transport: transportFor(COMMLIB_URL, [memory, mqtt]) })

await server.serve(
  Brew,
  async function* ({ cups }, { signal }) {
    let done = 0
    while (done < cups && !signal.aborted) {
      await sleep(50)
      done++
      yield { cup: done } // feedback
    }
    return { cups: done } // the result, or, if the signal has aborted, as much of it as there is
  },
  { policy: 'queue' }, // a second goal waits for the first; others: reject, preempt, parallel
)

console.log('machine: serving kitchen.brew')
void server.runForever() // until Ctrl-C

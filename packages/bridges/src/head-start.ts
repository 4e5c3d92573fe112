import { HEAD_START, type InternalRequestContext } from '@commlib/core/internal'
import type { Outlet } from './outlet.ts'

/** Milliseconds after which what a goal tells is carried although one that was sent is not answered. */
const MAX_HOLD = 1000

/** Gives the answers to goals that were sent a head start before what goals tell. */
export interface HeadStart {
  /** A goal is being sent; to be called again when it is answered. */
  begins(call: Pick<InternalRequestContext, 'request'>): () => void

  /** Holds what goals tell while there is someone who could not tell whose it is. */
  holding(outlet: Outlet): Outlet
}

/**
 * A commlib-py client learns the id of its goal from the answer, and is deaf to the goal before. What the goal tells comes
 * another way, and would often be carried first. Clients of ours choose the id, and wait for nothing.
 */
export function headStart(): HeadStart {
  const learning = new Set<Promise<void>>()

  return {
    begins: ({ request }) => {
      if (request.goalId !== undefined) return () => {}
      let learnt = () => {}
      const done = new Promise<void>(resolve => (learnt = resolve))
      const end = () => {
        learning.delete(done)
        learnt()
      }
      const late = setTimeout(end, MAX_HOLD)
      learning.add(done)
      return () => {
        clearTimeout(late)
        setTimeout(end, HEAD_START)
      }
    },
    holding: outlet => {
      // What came before has to be carried before.
      let order: Promise<void> | undefined
      return {
        ...outlet,
        take: parcel => {
          if (order === undefined && learning.size === 0) return outlet.take(parcel)
          const turn = Promise.all([order, ...learning]).then(() => {
            if (order === turn) order = undefined
            void outlet.take(parcel)
          })
          order = turn
        },
        idle: async milliseconds => {
          await order
          await outlet.idle(milliseconds)
        },
      }
    },
  }
}

import {
  abortSignal,
  anything,
  assertOptions,
  callback,
  flag,
  integer,
  number,
  type OptionCheck,
  optionCheck,
  type Rules,
  words,
} from '../util/options.ts'
import type { GoalPolicy } from './goal-board.ts'
import type { ActionServiceOptions } from './service-options.ts'

const POLICIES: readonly GoalPolicy[] = ['reject', 'queue', 'preempt', 'parallel']

const check = /* @__PURE__ */ optionCheck(() => {
  const attach: Rules = { signal: abortSignal, timeout: number(), onFeedback: callback }
  return {
    client: { timeout: number(), maxBuffered: integer(1), serviceTimeout: number() },
    goal: { ...attach, id: words, description: words },
    attach,
    'an action': { handler: callback },
    serve: {
      policy: [`one of ${POLICIES.join(', ')}`, value => POLICIES.includes(value as GoalPolicy)],
      limit: integer(1),
      maxQueued: integer(),
      retain: anything,
      cancelGrace: number(),
      cancelable: flag,
      signal: abortSignal,
    },
  }
})

/** Checks the options of actions. */
export const checkActionOptions: OptionCheck = (owner, options) => {
  check(owner, options)
  const { retain } = options as ActionServiceOptions
  if (owner === 'serve' && retain !== undefined) {
    assertOptions('retain', retain, { time: number(), count: integer(1) }, 'retain.')
  }
}

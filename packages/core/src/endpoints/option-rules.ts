import {
  abortSignal,
  anything,
  callback,
  flag,
  integer,
  label,
  number,
  type OptionCheck,
  optionCheck,
  type Rules,
  words,
} from '../util/options.ts'

/** Checks the options of endpoints. */
export const checkOptions: OptionCheck = /* @__PURE__ */ optionCheck(() => {
  const received: Rules = { reliable: flag, latched: flag }
  const delivery: Rules = { ...received, batch: flag }
  const emit: Rules = { ...delivery, signal: abortSignal }
  const client: Rules = { timeout: number(), maxPending: integer(1) }
  return {
    topic: delivery,
    event: { name: words, description: words, payload: anything },
    publish: {
      ...emit,
      topic: words,
      params: ['an object', value => typeof value === 'object' && value !== null],
    },
    emit,
    subscribe: {
      ...received,
      signal: abortSignal,
      maxBuffered: integer(1),
      group: label,
      durable: label,
      member: label,
      dedup: callback,
      retries: integer(),
      handlerTimeout: number(),
    },
    client,
    call: { timeout: number(), signal: abortSignal, goalId: words, hops: words },
    'a service': { handler: callback },
    serve: {
      concurrency: integer(1),
      maxQueued: integer(),
      signal: abortSignal,
      cancelable: flag,
      always: flag,
      hidden: flag,
    },
  }
})

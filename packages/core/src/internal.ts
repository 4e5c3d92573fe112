// For transports and sibling packages. Not covered by semver.
export { assertTopic, compilePattern, escapeSegment, isInternal, isPattern, matcher } from './contracts/grammar.ts'
export { CommlibError, type ErrorCode, toError } from './errors.ts'
export type * from './transport.ts'
export { raceSignal } from './util/abort.ts'
export { Queue } from './util/queue.ts'
export { subscription } from './util/subscription.ts'
export { randomId } from './util/token.ts'

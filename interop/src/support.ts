import type { Case } from './bench.ts'
import type { CaseName } from './cases/index.ts'
import { neverStarts } from './limits.ts'
import type { BrokerName, Version } from './versions.ts'

/**
 * Whether a version can do it: as it is installed, with the patches of `peers/`, or not at all, and why not. What happens
 * without the patches is shown by the case, or as it says here.
 */
export type Support =
  | 'shipped'
  | 'patched'
  | { readonly patched: Case['run'] }
  | { readonly cannot: string; readonly even?: 'patched' }

/** What differs from "as shipped", for some or all versions. */
export type SupportTable = Partial<Record<CaseName, Support | Partial<Record<Version, Support>>>>

/** What a table says of one version. */
export function supportOf(table: SupportTable, name: CaseName, version: Version): Support {
  const entry = table[name] ?? 'shipped'
  if (typeof entry === 'string' || 'cannot' in entry || 'patched' in entry) return entry
  return entry[version] ?? 'shipped'
}

const deafToOther = { cannot: 'a subscriber understands the envelope of its own version only' }
const oneAnswer = { cannot: 'a client has one place for an answer: all its calls get the first one' }
const silent = { cannot: 'a handler that raises sends no answer: the caller waits for its deadline' }
const uncompressed = { cannot: 'it has no compression' }
const stopsNothing = { cannot: 'it says that it has stopped, and goes on serving' }
const fallsWell = { cannot: 'the goal has succeeded, with the defaults of its result' }
const restarts = { cannot: 'the first goal is run a second time, under the same id' }

const mqtt: SupportTable = {
  publishToOtherWire: deafToOther,
  manyCallsByOneFromPython: oneAnswer,
  failingCallToPython: {
    '0.6.3': { cannot: 'the answer is empty: there is no error on the wire' },
    '0.11.5': silent,
    '0.13.1': silent,
    '0.13.2': silent,
  },
  callToPythonServer: {
    '0.6.3': { cannot: 'it has no RPCServer' },
    '0.11.5': { cannot: 'its RPCServer fails on every request: it calls a method of its own that does not exist' },
  },
  cancelToPython: { '0.11.5': 'patched', '0.13.1': 'patched' },
  callsInTurnFromPython: {
    '0.13.2': { cannot: 'an untyped client keeps its first answer, and takes it for the answer to every later call' },
  },
  compressedToPython: { '0.6.3': uncompressed },
  compressedFromPython: { '0.6.3': uncompressed },
  controlToPython: {
    '0.6.3': { cannot: 'stopped, it does not hear the call that is to start it again' },
    '0.11.5': { cannot: 'it stops before it has answered, and does not serve again when it is started' },
    '0.13.1': stopsNothing,
    '0.13.2': stopsNothing,
  },
  failingGoalToPython: { '0.13.2': fallsWell },
  secondGoalToPython: { '0.6.3': restarts, '0.11.5': restarts },
}

const started: Support = { patched: neverStarts }
const empty = { cannot: 'the answer is empty: there is no error on the wire' }
const noServer = { cannot: 'it has no RPCServer on AMQP' }
const alone = { cannot: 'it holds the queue of its service for itself' }
const few = { cannot: 'the queue of its service holds ten calls, and drops the oldest of more' }
const unlatched = { cannot: 'it knows nothing of the queue that keeps the last value' }
const refusesItself = { cannot: 'it refuses the pattern that it makes of its own' }

const redis: SupportTable = {
  publishToOtherWire: deafToOther,
  compressedToPython: { '0.6.3': uncompressed },
  compressedFromPython: { '0.6.3': uncompressed },
  latchedToPython: { cannot: 'a channel of Redis keeps nothing, and it does not look beside it' },
  callsUnheardFromPython: { '0.11.5': started },
  callToPython: { '0.11.5': started },
  manyCallsToPython: { '0.11.5': started },
  failingCallToPython: { '0.6.3': empty, '0.11.5': { ...empty, even: 'patched' }, '0.13.1': empty, '0.13.2': empty },
  callToPythonServer: {
    '0.6.3': { cannot: 'it has no RPCServer' },
    '0.11.5': { cannot: 'it has no RPCServer on Redis' },
  },
  besidePython: { '0.11.5': started },
  goalToPython: { '0.11.5': started },
  cancelToPython: { '0.11.5': started, '0.13.1': 'patched' },
  secondGoalToPython: { '0.6.3': restarts, '0.11.5': { ...restarts, even: 'patched' } },
  failingGoalToPython: { '0.11.5': started, '0.13.2': fallsWell },
  controlToPython: {
    '0.6.3': stopsNothing,
    '0.11.5': { ...stopsNothing, even: 'patched' },
    '0.13.1': stopsNothing,
    '0.13.2': stopsNothing,
  },
}

const amqp: SupportTable = {
  patternToPython: { '0.13.1': refusesItself, '0.13.2': refusesItself },
  patternFromPython: { '0.13.1': refusesItself, '0.13.2': refusesItself },
  compressedToPython: { '0.6.3': uncompressed },
  compressedFromPython: { '0.6.3': uncompressed },
  latchedToPython: unlatched,
  callsUnheardFromPython: { '0.13.1': started },
  callToPython: { '0.13.1': started },
  manyCallsToPython: { '0.6.3': few, '0.11.5': few, '0.13.1': { ...few, even: 'patched' }, '0.13.2': few },
  failingCallToPython: { '0.6.3': empty, '0.11.5': empty, '0.13.1': { ...empty, even: 'patched' }, '0.13.2': empty },
  callToPythonServer: noServer,
  besidePython: { '0.6.3': alone, '0.11.5': alone, '0.13.1': { ...alone, even: 'patched' }, '0.13.2': alone },
  manyCallsByOneFromPython: oneAnswer,
  goalToPython: { '0.13.1': started },
  cancelToPython: { '0.11.5': 'patched', '0.13.1': started },
  secondGoalToPython: { '0.6.3': restarts, '0.11.5': restarts, '0.13.1': started },
  failingGoalToPython: {
    '0.13.1': started,
    '0.13.2': fallsWell,
  },
  controlToPython: {
    '0.6.3': { cannot: 'stopped, it does not hear the call that is to start it again' },
    '0.11.5': { cannot: 'it stops before it has answered, and does not serve again when it is started' },
    '0.13.1': { ...stopsNothing, even: 'patched' },
    '0.13.2': stopsNothing,
  },
}

/** What each version can do on each broker. */
export const supportOn: Readonly<Record<BrokerName, SupportTable>> = { mqtt, redis, amqp }

import type { CaseName } from './cases/index.ts'
import type { Version } from './versions.ts'

/** Whether a version can do it: as it is installed, with the patches of `peers/`, or not at all, and why not. */
export type Support = 'shipped' | 'patched' | { readonly cannot: string }

/** What differs from "as shipped", for some or all versions. */
export type SupportTable = Partial<Record<CaseName, Support | Partial<Record<Version, Support>>>>

/** What a table says of one version. */
export function supportOf(table: SupportTable, name: CaseName, version: Version): Support {
  const entry = table[name] ?? 'shipped'
  if (typeof entry === 'string' || 'cannot' in entry) return entry
  return entry[version] ?? 'shipped'
}

const deafToOther = { cannot: 'a subscriber understands the envelope of its own version only' }
const oneAnswer = { cannot: 'a client has one place for an answer: all its calls get the first one' }
const silent = { cannot: 'a handler that raises sends no answer: the caller waits for its deadline' }
const uncompressed = { cannot: 'it has no compression' }
const stopsNothing = { cannot: 'it says that it has stopped, and goes on serving' }
const restarts = { cannot: 'the first goal is run a second time, under the same id' }

export const mqttSupport: SupportTable = {
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
  failingGoalToPython: { '0.13.2': { cannot: 'the goal has succeeded, with the defaults of its result' } },
  secondGoalToPython: { '0.6.3': restarts, '0.11.5': restarts },
}

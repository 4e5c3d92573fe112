import { CommlibError } from '../errors.ts'

/** An error of ours about something received says on which topic, or for which service, it came. */
export function withTopic(error: unknown, topic: string): unknown {
  if (!(error instanceof CommlibError)) return error
  return new CommlibError(error.code, `'${topic}': ${error.message}`, { cause: error.cause })
}

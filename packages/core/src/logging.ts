import { assertTopic } from './contracts/grammar.ts'
import { anyShape } from './contracts/shape.ts'
import { type Context, contextKey, type Logger } from './endpoints/context.ts'
import { createPublisher } from './endpoints/publisher.ts'
import { topicOf } from './endpoints/topic.ts'
import { toError } from './errors.ts'
import { assertOptions, logger, words } from './util/options.ts'

/** A log record on its topic. */
export interface LogRecord {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly message: string

  /** Milliseconds since the epoch. */
  readonly timestamp: number

  /** The namespace of the node that logged it. */
  readonly node: string
}

/** Options of {@link remoteLogger}. */
export interface RemoteLoggerOptions {
  /** @default '<namespace>.log' */
  readonly topic?: string | undefined

  /** Where the lines go as well. @default none */
  readonly local?: Logger | undefined
}

/** A logger that publishes its lines, so that a fleet's logs can be read in one place. */
export function remoteLogger(
  node: { readonly namespace: string; readonly [contextKey]: Context },
  options: RemoteLoggerOptions = {},
): Logger {
  assertOptions('remoteLogger', options, { topic: words, local: logger })
  const { topic = `${node.namespace}.log`, local } = options
  assertTopic(topic)
  const { publish } = createPublisher(node, topicOf<LogRecord, LogRecord, string>(topic, anyShape))
  const log =
    (level: LogRecord['level']) =>
    (message: string, ...details: unknown[]): void => {
      local?.[level](message, ...details)
      const text = [message, ...details.map(show)].join(' ')
      // A logger that reports its own failures would never stop.
      publish({ level, message: text, timestamp: Date.now(), node: node.namespace }).catch(() => {})
    }
  return { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') }
}

function show(detail: unknown): string {
  if (typeof detail === 'string') return detail
  if (detail instanceof Error) return toError(detail).message
  try {
    return JSON.stringify(detail) ?? String(detail)
  } catch {
    return String(detail)
  }
}

import { parseArgs } from 'node:util'

export interface DemoOptions {
  readonly broker: string
  readonly role: 'both' | 'robot' | 'operator'
  readonly speed: number
  readonly count: number
}

/** Something on the command line is wrong. */
export class UsageError extends Error {}

export const HELP = `commlib demo: a robot and its operator

  pnpm demo                       both, in memory: no broker
  pnpm demo --broker <url>        both, on a broker
  pnpm demo --broker <url> --role robot|operator
                                  one of them: start two

  --broker <url>   mqtt://localhost, redis://localhost, amqp://localhost, …
                   (default: COMMLIB_URL, or memory://)
  --role <role>    robot or operator (default: both)
  --count <n>      trips to make (default: 1)
  --speed <n>      2 is twice as fast (default: 1)
  --help           this

Ctrl-C cancels the trip; what was driven is the partial result.
`

/** Reads the command line; `undefined` if only help is wanted. */
export function readOptions(args: readonly string[], env: NodeJS.ProcessEnv): DemoOptions | undefined {
  const { broker, role, speed, count, help } = parse(args)
  if (help) return undefined
  const options = {
    broker: broker ?? (env['COMMLIB_URL'] || 'memory://'),
    role: readRole(role),
    speed: readNumber('speed', speed, { min: 0.1, max: 100, integer: false }),
    count: readNumber('count', count, { min: 1, max: 1000, integer: true }),
  }
  if (options.role !== 'both' && options.broker.startsWith('memory:')) {
    throw new UsageError(
      `--role ${options.role} is one of two processes: they need a broker (--broker mqtt://localhost)`,
    )
  }
  return options
}

function parse(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        broker: { type: 'string' },
        role: { type: 'string' },
        speed: { type: 'string' },
        count: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    })
    return values
  } catch (error) {
    throw new UsageError(error instanceof Error ? (error.message.split('. ')[0] ?? error.message) : String(error))
  }
}

function readRole(role: string | undefined): DemoOptions['role'] {
  if (role === undefined) return 'both'
  if (role === 'robot' || role === 'operator') return role
  throw new UsageError(`--role is robot or operator, not '${role}'`)
}

function readNumber(
  name: string,
  text: string | undefined,
  { min, max, integer }: { min: number; max: number; integer: boolean },
): number {
  if (text === undefined) return 1
  const value = Number(text)
  if (text.trim() !== '' && value >= min && value <= max && (!integer || Number.isInteger(value))) return value
  throw new UsageError(`--${name} is ${integer ? 'a whole number' : 'a number'} from ${min} to ${max}, not '${text}'`)
}

import { CommlibError, GoalStatus, type Node } from '@commlib/core'
import { operate } from './operator.ts'
import { type DemoOptions, HELP, readOptions, UsageError } from './options.ts'
import { startRobot } from './robot.ts'
import { createScreen } from './screen/screen.ts'
import { loadTransport, showUrl } from './transport.ts'

const CANCELED_BY_USER = 130

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2), process.env)
  if (options === undefined) {
    process.stdout.write(HELP)
    return 0
  }
  return options.role === 'robot' ? runRobot(options) : runOperator(options)
}

/** Robot only: works until Ctrl-C. */
async function runRobot({ broker, speed }: DemoOptions): Promise<number> {
  const transport = await loadTransport(broker)
  const tell = (line: string) => console.log(line)
  const robot = await startRobot({ transport: transport(), speed, onWork: tell, onError: console.error })
  tell(`robot ${showUrl(broker)}`)
  for (const { kind, name } of robot.ports) tell(`  ${kind.padEnd(15)} ${name}`)
  tell('the other one: --role operator; Ctrl-C ends this')
  await robot.runForever({ grace: 2000 })
  return 0
}

/** Operator, and the robot too unless that is another process. */
async function runOperator({ broker, role, speed, count }: DemoOptions): Promise<number> {
  const transport = await loadTransport(broker)
  const interrupt = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM']) {
    // The second time means it.
    process.on(name, () => (interrupt.signal.aborted ? process.exit(CANCELED_BY_USER) : interrupt.abort()))
  }
  const { signal } = interrupt
  const screen = createScreen(showUrl(broker), process.stdout, process.env)
  const onError = (error: unknown) => screen.note(String(error))
  let robot: Node | undefined
  try {
    if (role === 'both') robot = await startRobot({ transport: transport(), speed, signal, onError })
    const status = await operate({ transport: transport(), screen, signal, speed, count })
    if (signal.aborted) return CANCELED_BY_USER
    return status === GoalStatus.SUCCEEDED ? 0 : 1
  } catch (error) {
    if (signal.aborted) return CANCELED_BY_USER
    throw error
  } finally {
    screen.close()
    await robot?.close()
  }
}

// Whoever reads the output may stop reading: `demo | head`.
process.stdout.on('error', () => process.exit(1))

try {
  process.exitCode = await main()
} catch (error) {
  if (error instanceof UsageError) {
    console.error(`demo: ${error.message} (see --help)`)
    process.exitCode = 2
  } else if (error instanceof CommlibError) {
    const hint = error.code === 'CONNECTION_FAILED' ? '. Without --broker and COMMLIB_URL none is needed' : ''
    console.error(`demo: ${error.message}${hint}`)
    process.exitCode = error.code === 'INVALID_OPTION' ? 2 : 1
  } else {
    throw error
  }
}

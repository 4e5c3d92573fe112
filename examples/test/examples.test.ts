import { existsSync, readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Broker, startMosquitto, startRabbit, startRedis } from '../../packages/testing/src/index.ts'
import { run, start } from './programs.ts'

interface Example {
  readonly name: string

  /** The program that runs until Ctrl-C, and what it says when it is ready. */
  readonly server: readonly [file: string, ready: string]

  /** Another one that waits for something, and then ends. */
  readonly reader?: readonly [file: string, ready: string]

  /** The program that is then run to its end. */
  readonly client: string

  /** Lines that one of them prints. */
  readonly lines: readonly string[]
}

const EXAMPLES: readonly Example[] = [
  {
    name: 'rpc',
    server: ['server.ts', 'calculator: serving math.add and math.divide'],
    client: 'client.ts',
    lines: [
      'pupil: 1 + 2 = 3',
      'pupil: one more is 2, 3, 4',
      'calculator: RangeError: cannot divide by zero',
      'pupil: the calculator says RangeError: cannot divide by zero',
    ],
  },
  {
    name: 'pubsub',
    server: ['subscriber.ts', 'display: listening'],
    reader: ['reader.ts', 'alarm: waiting for 21 °C'],
    client: 'publisher.ts',
    lines: [
      'display: kitchen.temperature is 20.5 °C',
      'alarm: 21.1 °C reached',
      'display: kitchen.temperature is 21.9 °C',
    ],
  },
  {
    name: 'pattern',
    server: ['subscriber.ts', 'panel: listening'],
    client: 'publisher.ts',
    lines: [
      'panel: temperature in the kitchen: 21.5',
      'panel: some temperature, on house.kitchen.temperature: 21.5',
      'panel: something at cellar.temperature',
      "gateway: INVALID_TOPIC: 'garden.temperature' does not match 'house.{room}.{quantity}'",
    ],
  },
  {
    name: 'action',
    server: ['server.ts', 'machine: serving kitchen.brew'],
    client: 'client.ts',
    lines: ['guest: cup 3', 'guest: 3 cups, thank you', 'guest: canceled, and '],
  },
  {
    name: 'events',
    server: ['listener.ts', 'lamp: listening'],
    client: 'emitter.ts',
    lines: [
      'lamp: TurnOnBedroomLights (Somebody wants light in the bedroom): 80 %',
      'lamp: blinks 2 times for door.bell',
      'switch: INVALID_MESSAGE: /level must be <= 1',
    ],
  },
  {
    name: 'endpoints',
    server: ['tank.ts', 'tank: serving tank.fill'],
    client: 'pump.ts',
    lines: ['pump: the tank holds 80 l', 'pump: stops, the tank is full with 100 l'],
  },
  {
    name: 'transport',
    server: ['server.ts', 'wall: serving echo on'],
    client: 'client.ts',
    lines: ["shouter: hears 'hello hello' over"],
  },
  {
    name: 'fleet',
    server: ['robots.ts', 'fleet: 3 robots at work'],
    client: 'operator.ts',
    lines: [
      'operator: hears picker_1, picker_2, picker_3',
      'operator: stopped picker_2 and picker_3; work is done by picker_1',
      'operator: the others work again, and picker_1 rests; work is done by picker_2, picker_3',
    ],
  },
  {
    name: 'zod',
    server: ['server.ts', 'robot: ready'],
    client: 'client.ts',
    lines: ['robot: at (1, 2) of the map', 'operator: I am Marvin', 'operator: INVALID_MESSAGE: /name'],
  },
]

/** Those that show what one broker is best at. */
const WORKERS: Example = {
  name: 'workers',
  server: ['worker.ts', 'a: at work'],
  client: 'gallery.ts',
  lines: [
    'gallery: 4 images are uploaded',
    'index: owl.png',
    'gallery: small cat.png, small dog.png, small owl.png, small fox.png',
    'gallery: made by a',
  ],
}
const STOCK: Example = {
  name: 'stock',
  server: ['store.ts', 'store: open'],
  client: 'shop.ts',
  lines: [
    'shop: sold 2, 1 left',
    'store: sold 2 of lamp',
    'shop: the store says RangeError: there are only 1 of lamp',
    'shop: reorders, and is told NO_SERVICE',
  ],
}

const DURABLE = {
  name: 'durable',
  lines: ['cook: order 1, pasta', 'waiter: order 3 is with the broker', 'cook: order 2, soup', 'cook: order 3, pasta'],
}

/** The output that the README shows. */
async function documented(name: string): Promise<string> {
  const text = await readFile(join(import.meta.dirname, '..', name, 'README.md'), 'utf8')
  return /```text\n([\s\S]*?)```/.exec(text)?.[1] ?? ''
}

/** The two sides take turns as they like, and a goal is canceled when it is canceled. */
function sorted(output: string): string[] {
  return output
    .replace(/\d+ cups are there/, 'so many cups are there')
    .split('\n')
    .sort()
}

describe.concurrent('examples in memory', () => {
  it.each([...EXAMPLES, WORKERS, STOCK, DURABLE])(
    '$name › prints in one process what its README says',
    async ({ name, lines }) => {
      const { code, stdout, stderr } = await run(`${name}/main.ts`)
      expect(stderr).toBe('')
      for (const line of lines) expect(stdout).toContain(line)
      expect(sorted(stdout)).toEqual(sorted(await documented(name)))
      expect(code).toBe(0)
    },
  )

  it('are all tested here, but for the bridges', () => {
    const folder = join(import.meta.dirname, '..')
    const there = readdirSync(folder).filter(name => existsSync(join(folder, name, 'main.ts')))
    const tested = [...EXAMPLES, WORKERS, STOCK, DURABLE].map(({ name }) => name)
    expect(there.sort()).toEqual([...tested, 'bridge', 'edge'].sort())
  })
})

describe.concurrent('examples over a broker', () => {
  let broker: Broker
  let env: Record<string, string>

  beforeAll(async () => {
    broker = await startMosquitto()
    env = { COMMLIB_URL: broker.url }
  })
  afterAll(() => broker.close())

  it.each(EXAMPLES)('$name › runs each side in a process', example => runApart(example, env))
})

/** Runs each side in a process of its own. */
async function runApart(
  { name, server: [file, ready], ...example }: Example,
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const server = start(`${name}/${file}`, { env })
  const reader = example.reader && start(`${name}/${example.reader[0]}`, { env })
  await server.printed(ready)
  await reader?.printed(example.reader?.[1] ?? '')
  const ends = [await run(`${name}/${example.client}`, { env }), ...(reader ? [await reader.end] : [])]
  for (const line of example.lines) {
    if (!ends.some(({ stdout }) => stdout.includes(line))) await server.printed(line)
  }
  server.kill('SIGINT')
  for (const { code, stderr } of [...ends, await server.end]) expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
}

describe.concurrent.each([
  ['mqtt', startMosquitto],
  ['redis', startRedis],
  ['amqp', startRabbit],
])('examples over %s', (scheme, startBroker) => {
  let broker: Broker
  let env: Record<string, string>

  beforeAll(async () => {
    broker = await startBroker()
    env = { COMMLIB_URL: broker.url }
  })
  afterAll(() => broker.close())

  it('durable › hands over what was published while nobody was there', async () => {
    const shift = start('durable/cook.ts', { args: ['1'], env })
    await shift.printed('cook: at work')
    expect(await run('durable/waiter.ts', { args: ['1'], env })).toMatchObject({ code: 0, stderr: '' })
    expect(await shift.end).toMatchObject({ code: 0, stderr: '' })

    expect(await run('durable/waiter.ts', { args: ['2', '3'], env })).toMatchObject({ code: 0, stderr: '' })
    const { code, stdout } = await run('durable/cook.ts', { args: ['3'], env })
    expect(stdout.split('\n').filter(line => line.includes('order'))).toEqual([
      'cook: order 2, soup',
      'cook: order 3, pasta',
    ])
    expect(code).toBe(0)
  })

  it.each([WORKERS, STOCK].filter(({ name }) => (name === 'workers' ? 'redis' : 'amqp') === scheme))(
    '$name › runs each side in a process',
    example => runApart(example, env),
  )

  it('transport › takes the broker from the command line', async () => {
    const { code, stdout } = await run('transport/main.ts', { args: ['--broker', broker.url] })
    expect(stdout).toContain(`shouter: hears 'hello hello' over ${scheme}`)
    expect(code).toBe(0)
  })
})

describe('the example transport', () => {
  it('says which schemes there are', async () => {
    const { code, stderr } = await run('transport/main.ts', { env: { COMMLIB_URL: 'kafka://localhost' } })
    expect(stderr).toContain('kafka')
    expect(code).toBe(1)
  })
})

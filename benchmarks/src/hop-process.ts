import { bridge } from '@commlib/bridges'
import { Message, open, text } from './hop-node.ts'

/** What a process is there for. */
export type Role =
  | { readonly role: 'publisher' | 'subscriber'; readonly url: string; readonly reliable: boolean }
  | { readonly role: 'bridge'; readonly from: string; readonly to: string; readonly reliable: boolean }

/** What it is asked to do; each is answered by the milliseconds of processor time that it took. */
export interface Task {
  readonly what: 'open' | 'close' | 'carry'

  /** What is published, received or carried. */
  readonly count: number
}

/** Messages that the publisher has on their way: it is never what holds up the others. */
const WINDOW = 512

type Worker = Partial<Record<Task['what'], (count: number) => Promise<void>>>

async function createPublisher(url: string, reliable: boolean): Promise<Worker> {
  const { publish } = (await open(url)).publisher(Message)
  return {
    carry: count =>
      new Promise(resolve => {
        let sent = 0
        let flying = 0
        const next = () => {
          for (; flying < WINDOW && sent < count; sent++, flying++)
            void publish({ n: sent, text }, { reliable }).then(settled)
        }
        const settled = () => {
          flying--
          if (sent < count) next()
          else if (flying === 0) resolve()
        }
        next()
      }),
  }
}

/** Reads by a durable name, where reliable: the same as the bridge, so that the broker has one reader. */
async function createSubscriber(url: string, reliable: boolean): Promise<Worker> {
  const node = await open(url)
  let got = 0
  let subscription: Awaited<ReturnType<typeof listen>> | undefined
  const listen = () => node.subscribe(Message, () => void got++, reliable ? { durable: 'bench' } : { maxBuffered: 1e6 })
  return {
    open: async () => {
      subscription = await listen()
    },
    close: async () => subscription?.close(),
    carry: count =>
      reached(
        () => got,
        count,
        () => (got = 0),
      ),
  }
}

async function createBridge(from: string, to: string, reliable: boolean): Promise<Worker> {
  const [source, sink] = await Promise.all([open(from), open(to)])
  let made: Awaited<ReturnType<typeof bridge>> | undefined
  let before = 0
  return {
    open: async () => {
      made = await bridge(source, sink, Message, {
        reliable,
        maxInFlight: reliable ? 1000 : 1e6,
        ...(reliable ? { source: { durable: 'bench' } } : {}),
      })
      before = 0
    },
    close: async () => made?.close(),
    carry: count =>
      reached(
        () => (made?.counters.forwarded ?? 0) - before,
        count,
        () => (before += count),
      ),
  }
}

/** Looks often enough, and costs next to nothing. */
function reached(got: () => number, count: number, done: () => void): Promise<void> {
  return new Promise(resolve => {
    const timer = setInterval(() => {
      if (got() < count) return
      clearInterval(timer)
      done()
      resolve()
    }, 2)
  })
}

if (process.argv[2] !== undefined) {
  const given = JSON.parse(process.argv[2]) as Role
  const worker =
    given.role === 'bridge'
      ? await createBridge(given.from, given.to, given.reliable)
      : await (given.role === 'publisher' ? createPublisher : createSubscriber)(given.url, given.reliable)
  process.on('message', async ({ what, count }: Task) => {
    const before = process.cpuUsage()
    await worker[what]?.(count)
    const { user, system } = process.cpuUsage(before)
    process.send?.((user + system) / 1000)
  })
}

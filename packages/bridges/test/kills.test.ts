import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dedup, topic } from '@commlib/core'
import { mqtt } from '@commlib/mqtt'
import { startMosquitto } from '@commlib/testing'
import { expect, it } from 'vitest'
import { after, eventually, nodeOn, quiet } from './world.ts'

const main = new URL('../src/cli/main.ts', import.meta.url).pathname
const KILLS = 50

async function broker() {
  const config = ['set_tcp_nodelay true', 'max_queued_messages 0', 'max_inflight_messages 200']
  const started = await startMosquitto({ persistence: true, config })
  after(() => started.close())
  return Object.assign(started, { connect: () => mqtt(started.url) })
}

it(`loses nothing when it is killed ${KILLS} times, and a dedup window sees nothing twice`, async () => {
  const [here, there] = await Promise.all([broker(), broker()])
  const folder = mkdtempSync(join(tmpdir(), 'commlib-kills-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'bridge.yaml')
  writeFileSync(
    file,
    `brokers: { here: "${here.url}", there: "${there.url}" }
bridges:
  - topic: n.*
    from: here
    to: there
    reliable: true
    source: { durable: kills }
    spool: { path: spool }
`,
  )
  let output = ''
  const start = () => {
    const child = spawn(process.execPath, [main, '--config', file], { stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.on('data', chunk => (output += chunk))
    child.stderr.on('data', chunk => (output += chunk))
    return child
  }
  const running = async (child: ReturnType<typeof start>) => {
    output = ''
    await eventually(() => expect(output).toContain('running'), 20_000)
    return child
  }
  const [alice, bob] = await Promise.all([nodeOn(here), nodeOn(there)])
  const got: string[] = []
  const Any = topic<{ n: number }>('n.*')
  await bob.subscribe(Any, ({ n }, { topic }) => got.push(`${topic} ${n}`), { durable: 'bob', dedup: dedup() })

  let child = await running(start())
  after(() => child.kill('SIGKILL'))
  const sent: string[] = []
  const publisher = alice.publisher(Any)
  let sending = true
  const flow = (async () => {
    for (let n = 0; sending; n++) {
      const name = `n.t${n % 3}`
      sent.push(`${name} ${n}`)
      await publisher.publish({ n }, { topic: name, reliable: true })
      await quiet(1)
    }
  })()
  for (let kill = 0; kill < KILLS; kill++) {
    // For a while the sink is away, and the spool has to hold.
    if (kill === 20) await there.stop()
    if (kill === 25) await there.start()
    await quiet(Math.random() * 200)
    child.kill('SIGKILL')
    child = start()
    // Some die before they have begun.
    if (kill % 5 !== 0 && (kill < 20 || kill > 25)) await running(child)
  }
  await quiet(500)
  sending = false
  await flow
  await eventually(() => expect(new Set(got).size).toBe(sent.length), 60_000)
  await quiet(500)
  expect(got).toHaveLength(sent.length)
  expect([...got].sort()).toEqual([...sent].sort())
  // In order, in each topic: what is sent again was not seen before it was due.
  for (const name of ['n.t0', 'n.t1', 'n.t2'])
    expect(got.filter(each => each.startsWith(name))).toEqual(sent.filter(each => each.startsWith(name)))
  child.kill('SIGTERM')
  await new Promise(resolve => child.once('exit', resolve))
  console.log(`${sent.length} messages, ${KILLS} kills`)
}, 240_000)

import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dedup, topic } from '@commlib/core'
import { createFaultProxy, type FaultProxy, freePort } from '@commlib/testing'
import { expect, it } from 'vitest'
import type { Report } from '../src/cli/supervisor.ts'
import { after, eventually, kinds, nodeOn, quiet, sharedBrokers } from './world.ts'

const main = new URL('../src/cli/main.ts', import.meta.url).pathname
const broker = sharedBrokers()
const durable = kinds.filter(({ name }) => name !== 'memory')
const KILLS = 12

it('the order of a topic outlives the bridge, whatever it had on its way and on its disk', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'commlib-order-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  const proxies: Record<string, FaultProxy> = {}
  for (const kind of durable) {
    const { place } = broker(kind, 1)
    const proxy = await createFaultProxy(place as NonNullable<typeof place>)
    after(() => proxy.close())
    proxies[kind.name] = proxy
  }
  const lines = durable.flatMap(from =>
    durable.flatMap(to => ['spool', 'plain'].map(how => ({ from, to, how, name: `${from.name}-${to.name}-${how}` }))),
  )
  const port = await freePort()
  const file = join(folder, 'bridge.yaml')
  writeFileSync(
    file,
    JSON.stringify({
      brokers: Object.fromEntries(
        durable.flatMap(kind => [
          [`${kind.name}-here`, broker(kind, 0).url],
          [`${kind.name}-there`, proxies[kind.name]?.url(kind.name)],
        ]),
      ),
      bridges: lines.map(({ from, to, how, name }) => ({
        topic: name,
        name,
        from: `${from.name}-here`,
        to: `${to.name}-there`,
        reliable: true,
        source: { durable: name },
        ...(how === 'spool' ? { spool: { path: name } } : {}),
      })),
      health: { port },
    }),
  )
  let output = ''
  const start = async () => {
    output = ''
    const started = spawn(process.execPath, [main, '--config', file], { stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [started.stdout, started.stderr]) stream.on('data', chunk => (output += chunk))
    await eventually(() => expect(output.split(': running')).toHaveLength(lines.length + 1), 30_000)
    return started
  }
  const report = async () => (await (await fetch(`http://127.0.0.1:${port}/health`)).json()) as Report
  const sources = new Map(await Promise.all(durable.map(async k => [k.name, await nodeOn(broker(k, 0))] as const)))
  const sinks = new Map(await Promise.all(durable.map(async k => [k.name, await nodeOn(broker(k, 1))] as const)))
  const got = new Map<string, number[]>()
  for (const { to, name } of lines) {
    const all: number[] = []
    got.set(name, all)
    await sinks.get(to.name)?.subscribe(topic<{ n: number }>(name), ({ n }) => all.push(n), {
      durable: `sub-${name}`,
      dedup: dedup(),
    })
  }
  let child = await start()
  after(() => child.kill('SIGKILL'))
  const publishers = lines.map(({ from, name }) => sources.get(from.name)?.publisher(topic<{ n: number }>(name)))
  let n = 0
  const some = async (count: number, pause: number) => {
    for (let i = 0; i < count; i++, n++) {
      await Promise.all(publishers.map(publisher => publisher?.publish({ n }, { reliable: true })))
      await quiet(pause)
    }
  }
  const again = async () => {
    child.kill('SIGKILL')
    child = await start()
  }
  const complete = async () => {
    await eventually(() => {
      for (const [name, all] of got) expect(new Set(all).size, name).toBe(n)
    }, 30_000)
    // Which bridges have disordered what.
    const wrong = Array.from(got, ([name, all]) => [name, all.filter((each, i) => each !== i)] as const)
    expect(Object.fromEntries(wrong.filter(([, all]) => all.length > 0))).toEqual({})
  }

  await some(20, 1)
  await complete()
  // Nothing is confirmed any more: what is on its way grows old, and what is newer goes to the disk.
  for (const proxy of Object.values(proxies)) await proxy.halfOpen()
  await some(20, 1)
  await quiet(1500)
  await some(20, 1)
  await eventually(async () => {
    for (const { name, counters } of (await report()).bridges)
      if (name.endsWith('spool')) expect(counters.spooled, name).toBeGreaterThanOrEqual(20)
  })
  child.kill('SIGKILL')
  for (const proxy of Object.values(proxies)) await proxy.restore()
  child = await start()
  await complete()

  let sending = true
  const flow = (async () => {
    while (sending) await some(1, 2)
  })()
  for (let kill = 0; kill < KILLS; kill++) {
    await quiet(Math.random() * 300)
    if (kill % 4 === 1) for (const proxy of Object.values(proxies)) proxy.reset()
    await quiet(Math.random() * 20)
    await again()
  }
  sending = false
  await flow
  await complete()
  const { bridges } = await report()
  for (const { counters } of bridges) expect(counters).toMatchObject({ dropped: 0 })
}, 180_000)

import type { Transport } from '@commlib/core'
import type { Broker } from '@commlib/testing'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Bench, type Case, openBench, wiresOf } from './bench.ts'
import { type CaseName, cases } from './cases/index.ts'
import { type PeerOptions, startPeer } from './peer.ts'
import { supportOf, supportOn } from './support.ts'
import { ensureVenv } from './venv.ts'
import { versions } from './versions.ts'

/** Where both sides meet. */
export interface InteropOptions {
  /** What Python calls the broker. */
  readonly transport: PeerOptions['transport']

  /** Called once the broker runs. */
  broker(): Broker
  connect(): Transport
}

/** Tries every case with every version on one broker. */
export function testInterop({ transport, broker, connect }: InteropOptions): void {
  beforeAll(() => {
    // All at once, since the first time takes long. Each version reports its own failure, below.
    for (const version of versions) ensureVenv(version).catch(() => {})
  })

  describe.each(versions)(`commlib-py %s on ${transport}`, version => {
    beforeAll(() => ensureVenv(version).then(() => {}), 300_000)

    for (const [name, each] of Object.entries(cases) as Array<[CaseName, Case]>) {
      const able = supportOf(supportOn[transport], name, version)
      const limit = () => {
        if (each.limit === undefined) throw new Error(`${name} does not say how to show that ${version} cannot`)
        return each.limit
      }
      for (const wire of wiresOf(each, transport, version)) {
        const title = `${each.from === 'ours' ? 'our node' : 'it'} ${each.title}, wire ${wire}`
        if (able === 'shipped') {
          check(title, wire, each.run, each)
        } else if (able === 'patched' || 'patched' in able) {
          check(`cannot as shipped: ${title}`, wire, able === 'patched' ? limit() : able.patched, { tells: true })
          check(`patched: ${title}`, wire, each.run, { ...each, patched: true })
        } else {
          const patched = able.even === 'patched'
          check(`cannot: ${title} (${able.cannot})`, wire, limit(), { tells: true, patched })
        }
      }
    }

    function check(title: string, wire: Bench['wire'], work: Case['run'], { patched, tells }: CheckOptions): void {
      test.concurrent(title, async () => {
        const peer = await startPeer({ version, transport, broker: broker(), patched })
        const { bench, close } = openBench({ version, broker: transport, wire, peer, connect })
        try {
          await work(bench)
          if (!tells) expect(bench.errors).toEqual([])
        } catch (error) {
          throw new Error(`${String(error)}\nThe peer logged:\n${peer.log().slice(-3000)}`, { cause: error })
        } finally {
          await close()
        }
      })
    }
  })
}

interface CheckOptions {
  readonly patched?: boolean
  readonly tells?: true | undefined
}

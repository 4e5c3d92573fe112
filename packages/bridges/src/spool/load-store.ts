import { CommlibError } from '@commlib/core/internal'
import type { ClassicLevel } from 'classic-level'

/** The store: LevelDB, its binary inside the npm package. */
export type Store = ClassicLevel<string, Uint8Array>

/** Opens the store in a folder, which is made if need be. */
export async function loadStore(path: string): Promise<Store> {
  const { ClassicLevel } = await assertStore()
  const store: Store = new ClassicLevel(path, { keyEncoding: 'utf8', valueEncoding: 'view', compression: false })
  try {
    await store.open()
  } catch (cause) {
    const { message, cause: inner } = cause as { message: string; cause?: { code?: string; message?: string } }
    const why = inner?.code === 'LEVEL_LOCKED' ? 'another bridge or process has it open' : (inner?.message ?? message)
    throw new CommlibError('INVALID_OPTION', `spool.path '${path}' cannot be opened: ${why}`, { cause })
  }
  return store
}

/** Loads the store's package, or says how to get it. */
export function assertStore(): Promise<typeof import('classic-level')> {
  return import('classic-level').catch(cause => {
    throw new CommlibError('UNSUPPORTED', 'a spool needs its store: npm install classic-level', { cause })
  })
}

import type { Logger } from '../endpoints/context.ts'
import { type MemoryTransport, memory } from './index.ts'

/** The transport of a node that was given none, which is said, since it may have been forgotten. */
export function memoryByDefault(log: Logger): MemoryTransport {
  log.info('commlib: no transport was given: this node is in memory, and reaches nodes of this process only')
  return memory()
}

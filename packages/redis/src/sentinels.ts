import { CommlibError } from '@commlib/core/internal'
import type { Send } from './connection.ts'
import { isReply, refused } from './errors.ts'
import type { Endpoint } from './places.ts'

/** Asks a sentinel where the primary is. @param target the sentinel, for error messages */
export async function findPrimary(send: Send, name: string, target: string): Promise<Endpoint> {
  const found = await send('sentinel', ['get-master-addr-by-name', name]).catch(error => {
    throw isReply(error) ? refused(`${target} does not tell where '${name}' is`, error) : error
  })
  if (!Array.isArray(found)) throw new CommlibError('CONNECTION_FAILED', `${target} knows no primary called '${name}'`)
  const [host, port] = found
  return { host: String(host), port: Number(port) }
}

/**
 * Rejects for a server that was the primary, or is not yet: what is published on a replica reaches nobody else, and is
 * not refused.
 */
export async function assertPrimary(send: Send, target: string): Promise<void> {
  const role = await send('role', []).catch(error => {
    // Without the right to ask, it is found out by what is written.
    if (isReply(error)) return undefined
    throw error
  })
  if (!Array.isArray(role) || String(role[0]) === 'master') return
  throw new CommlibError('CONNECTION_FAILED', `${target} is a replica, though a sentinel says it is the primary`)
}

import { createHash } from 'node:crypto'
import type { Argument } from './connection.ts'
import { isReply } from './errors.ts'

/** A Lua script, run by its digest, and sent in full to a server that does not know it. */
export interface Script {
  readonly text: string
  readonly digest: string
}

type Send = (name: string, args: Argument[]) => Promise<unknown>

function script(text: string): Script {
  return { text, digest: createHash('sha1').update(text).digest('hex') }
}

/** Runs a script. */
export type Run = (script: Script, keys: readonly string[], args: Argument[]) => Promise<unknown>

/**
 * Runs scripts over one link. Each is sent to a server in full first: were that left to the server's answer that it does not
 * know it, what was sent meanwhile would overtake the first.
 *
 * @param serverOf names the server that has a key
 */
export function scriptRunner(send: Send, serverOf: (key: string) => string): Run {
  const known = new Map<string, Set<Script>>()
  const knownTo = (server: string) => {
    const scripts = known.get(server) ?? new Set()
    known.set(server, scripts)
    return scripts
  }
  return (script, keys, args) => {
    const scripts = knownTo(serverOf(keys[0] ?? ''))
    const rest = [keys.length, ...keys, ...args]
    const runInFull = () => {
      scripts.add(script)
      return send('eval', [script.text, ...rest])
    }
    if (!scripts.has(script)) return runInFull()
    return send('evalsha', [script.digest, ...rest]).catch(error => {
      // Somebody has made the server forget it.
      if (!isReply(error) || !error.message.startsWith('NOSCRIPT')) throw error
      return runInFull()
    })
  }
}

/**
 * Publishes to a stream, and the marked copy to the channel. The second key is the latched value's, if it is to be kept.
 * Arguments: the stream's length, the channel, when the kept value is over, and the fields, the body's first.
 */
export const PUBLISH_RELIABLE: Script = script(`
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', unpack(ARGV, 4))
if KEYS[2] then
  redis.call('DEL', KEYS[2])
  if ARGV[5] ~= '' then redis.call('HSET', KEYS[2], unpack(ARGV, 4)) end
  if ARGV[5] ~= '' and ARGV[3] ~= '' then redis.call('PEXPIREAT', KEYS[2], ARGV[3]) end
end
redis.call('PUBLISH', ARGV[2], ' ' .. ARGV[5])
return id
`)

/** Publishes to the channel, and keeps the value. Arguments: the channel, when it is over, and the fields. */
export const PUBLISH_LATCHED: Script = script(`
-- Refused where there is no memory, which a script is asked for by its first write alone.
if ARGV[4] ~= '' then redis.call('HSET', KEYS[1], ARGV[3], '') end
redis.call('DEL', KEYS[1])
if ARGV[4] ~= '' then redis.call('HSET', KEYS[1], unpack(ARGV, 3)) end
if ARGV[4] ~= '' and ARGV[2] ~= '' then redis.call('PEXPIREAT', KEYS[1], ARGV[2]) end
return redis.call('PUBLISH', ARGV[1], ARGV[4])
`)

/**
 * Takes a member out of a group, unless it still holds entries, which others claim in time; the last one takes the group
 * with it. Arguments: the group, the member.
 */
export const LEAVE_GROUP: Script = script(`
local pending = redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2])
if #pending > 0 then return 0 end
redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
if #redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1]) == 0 then redis.call('XGROUP', 'DESTROY', KEYS[1], ARGV[1]) end
return 1
`)

/** Gives up a durable name, unless somebody else has taken it. Arguments: whose it is. */
export const RELEASE_NAME: Script = script(`
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 0
`)

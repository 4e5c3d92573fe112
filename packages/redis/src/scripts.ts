import { createHash } from 'node:crypto'
import type { Argument, Send } from './connection.ts'
import { isReply } from './errors.ts'

/** A Lua script, run by its digest, and sent in full to a server that does not know it. */
export interface Script {
  readonly text: string
  readonly digest: string
}

function script(text: string): Script {
  return { text, digest: createHash('sha1').update(text).digest('hex') }
}

/** Runs a script where this key is. The arguments begin with the number of its keys and the keys. */
export type Run = (script: Script, key: string, args: readonly Argument[]) => Promise<unknown>

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
  return (script, key, args) => {
    const scripts = knownTo(serverOf(key))
    const runInFull = () => {
      scripts.add(script)
      return send('eval', [script.text, ...args])
    }
    if (!scripts.has(script)) return runInFull()
    return send('evalsha', [script.digest, ...args]).catch(error => {
      // Somebody has made the server forget it.
      if (!isReply(error) || !error.message.startsWith('NOSCRIPT')) throw error
      return runInFull()
    })
  }
}

/**
 * Keeps a value: the fields from an argument on, the body's first. The key is there all the time: while its slot moves to
 * another node of a cluster, one that is not there may not be touched, though the script has done half of its work.
 */
const KEEP = `
local function keep(key, over, from)
  if ARGV[from + 1] == '' then return redis.call('DEL', key) end
  local before = redis.pcall('HKEYS', key)
  if before.err then
    redis.call('DEL', key)
    before = {}
  end
  redis.call('HSET', key, unpack(ARGV, from))
  local now = {}
  for i = from, #ARGV, 2 do now[ARGV[i]] = true end
  for _, field in ipairs(before) do
    if not now[field] then redis.call('HDEL', key, field) end
    if field == 'expires' and over == '' then redis.call('PERSIST', key) end
  end
  if over ~= '' then redis.call('PEXPIREAT', key, over) end
end
`

/**
 * Publishes to a stream, and the marked copy to the channel. The second key is the latched value's, if it is to be kept.
 * Arguments: the stream's length, the channel, when the kept value is over, and the fields, the body's first.
 */
export const PUBLISH_RELIABLE: Script = script(`${KEEP}
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', unpack(ARGV, 4))
if KEYS[2] then keep(KEYS[2], ARGV[3], 4) end
return redis.call('PUBLISH', ARGV[2], ' ' .. ARGV[5])
`)

/** Publishes to the channel, and keeps the value. Arguments: the channel, when it is over, and the fields. */
export const PUBLISH_LATCHED: Script = script(`${KEEP}
keep(KEYS[1], ARGV[2], 3)
return redis.call('PUBLISH', ARGV[1], ARGV[4])
`)

/** Wakes a reader, also where there is no memory. Arguments: the seconds that the call may lie around. */
export const WAKE: Script = script(`
-- A script is asked for memory by its first write alone, if that needs some.
redis.call('DEL', KEYS[1])
redis.call('RPUSH', KEYS[1], '1')
return redis.call('EXPIRE', KEYS[1], ARGV[1])
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

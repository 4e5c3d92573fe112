import { type Frame, json, type Sink, TextWire } from '@commlib/core/internal'
import { describe, expect, it } from 'vitest'
import { Reader, ReplyError, type Value } from '../src/resp/reader.ts'
import { type Argument, encode, Writer } from '../src/resp/writer.ts'

/** All that is read from these pieces. */
function read(...chunks: readonly Uint8Array[]): { readonly replies: unknown[]; readonly pushes: unknown[] } {
  return readPieces(chunks, false)
}

/** @param lent each piece is written over as soon as it is read */
function readPieces(chunks: readonly Uint8Array[], lent: boolean) {
  const replies: Value[] = []
  const pushes: Value[] = []
  const reader = new Reader({ reply: value => void replies.push(value), push: value => void pushes.push(value) })
  for (const chunk of chunks) {
    const piece = Buffer.from(chunk)
    reader.read(piece, lent)
    if (lent) piece.fill('?')
  }
  return { replies: replies.map(plain), pushes: pushes.map(plain) }
}

/** A frame whose body is left as a text. */
function longText(data: string): Frame {
  return new TextWire({ codec: json, profile: '0.13', properties: true, maxMessageBytes: 2 ** 20 }).message(data)
}

/** Texts instead of bytes. */
function plain(value: Value): unknown {
  if (Buffer.isBuffer(value)) return value.toString()
  if (value instanceof ReplyError) return { error: value.message }
  return Array.isArray(value) ? value.map(plain) : value
}

/** What was sent, and what is read of it. */
const ANSWERS: readonly (readonly [wire: string, value: unknown])[] = [
  [':0\r\n', 0],
  [':-12\r\n', -12],
  [':+9007199254740991\r\n', Number.MAX_SAFE_INTEGER],
  ['+OK\r\n', 'OK'],
  ['-ERR no\r\n', { error: 'ERR no' }],
  ['$5\r\nhello\r\n', 'hello'],
  ['$0\r\n\r\n', ''],
  ['$4\r\n\r\n\r\n\r\n', '\r\n\r\n'],
  ['$-1\r\n', null],
  ['*-1\r\n', null],
  ['*0\r\n', []],
  ['*3\r\n:1\r\n*2\r\n$1\r\na\r\n$-1\r\n*0\r\n', [1, ['a', null], []]],
  ['*2\r\n-NOAUTH no\r\n:1\r\n', [{ error: 'NOAUTH no' }, 1]],
  ['_\r\n', null],
  ['#t\r\n', 1],
  ['#f\r\n', 0],
  [',3.25\r\n', '3.25'],
  ['(3492890328409238509324850943850943825024385\r\n', '3492890328409238509324850943850943825024385'],
  ['!6\r\nERR no\r\n', { error: 'ERR no' }],
  ['=8\r\ntxt:some\r\n', 'some'],
  ['%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n:2\r\n', ['a', 1, 'b', [2]]],
  ['~2\r\n:1\r\n:2\r\n', [1, 2]],
  ['|1\r\n+ttl\r\n:3600\r\n:7\r\n', 7],
  ['*2\r\n|1\r\n+ttl\r\n:3600\r\n:7\r\n:8\r\n', [7, 8]],
]

describe('reading answers', () => {
  it.each(ANSWERS)('%j', (wire, value) => {
    expect(read(Buffer.from(wire))).toEqual({ replies: [value], pushes: [] })
  })

  it('tells what the server says of itself from what it answers', () => {
    const wire = '>3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nb\r\n:1\r\n>2\r\n+invalidate\r\n*0\r\n'
    expect(read(Buffer.from(wire))).toEqual({
      replies: [1],
      pushes: [
        ['message', 'c', 'b'],
        ['invalidate', []],
      ],
    })
  })

  it('takes them in pieces, wherever they are cut', () => {
    const wire = Buffer.from(ANSWERS.map(([each]) => each).join(''))
    const whole = { replies: ANSWERS.map(([, value]) => value), pushes: [] }
    for (let at = 1; at < wire.length; at++) expect(read(wire.subarray(0, at), wire.subarray(at))).toEqual(whole)
    expect(read(...Array.from(wire, byte => Uint8Array.of(byte)))).toEqual(whole)
  })

  it('keeps nothing of what is lent to it, wherever that is cut', () => {
    const wire = Buffer.from(ANSWERS.map(([each]) => each).join(''))
    const whole = { replies: ANSWERS.map(([, value]) => value), pushes: [] }
    for (let at = 1; at < wire.length; at++)
      expect(readPieces([wire.subarray(0, at), wire.subarray(at)], true)).toEqual(whole)
    const bytes = Array.from(wire, byte => Uint8Array.of(byte))
    expect(readPieces(bytes, true)).toEqual(whole)
  })

  it('takes a large one in many pieces without going over it again and again', () => {
    const body = Buffer.alloc(32 * 1024 * 1024, 'x')
    const wire = Buffer.concat([Buffer.from(`*2\r\n$${body.length}\r\n`), body, Buffer.from('\r\n:1\r\n')])
    const replies: Value[] = []
    const reader = new Reader({ reply: value => void replies.push(value), push: () => {} })
    for (let at = 0; at < wire.length; at += 1000) reader.read(wire.subarray(at, at + 1000))
    const [[text, one] = []] = replies as Value[][]
    expect(one).toBe(1)
    expect(body.equals(text as Buffer)).toBe(true)
  })

  it.each([
    ['HTTP/1.1 400 Bad Request\r\n', 'Unknown RESP type 0x48'],
    ['H', 'Unknown RESP type 0x48'],
    ['$x\r\n', "no number: 'x'"],
    [`+${'x'.repeat(70_000)}`, 'a line without end'],
  ])('refuses what is no answer: %j', (wire, message) => {
    expect(() => read(Buffer.from(wire))).toThrow(message)
  })
})

// A socket either takes what is written at once, or holds it and lets nobody change it.
describe.each([
  { socket: 'takes all at once', writableLength: 0, keep: (chunk: Uint8Array) => Buffer.from(chunk) },
  { socket: 'holds what is written', writableLength: 1, keep: (chunk: Uint8Array) => chunk },
])('writing commands to a socket that $socket', ({ writableLength, keep }) => {
  const LONG = 'é'.repeat(100)
  const LARGE = Buffer.alloc(100_000, 'y')

  function socket(chunks: Uint8Array[]): Sink {
    return {
      write: (chunk, encoding) => chunks.push(typeof chunk === 'string' ? Buffer.from(chunk, encoding) : keep(chunk)),
      writableLength,
      setNoDelay: () => {},
      once: () => {},
    }
  }

  async function written(...commands: readonly (readonly [name: string, args: readonly Argument[]])[]) {
    const chunks: Uint8Array[] = []
    const writer = new Writer(socket(chunks))
    for (const [name, args] of commands) writer.command(name, args)
    await new Promise(setImmediate)
    // A command is a list of texts, as an answer may be.
    return { writes: chunks.length, commands: read(...chunks).replies }
  }

  it('writes those of one turn at once', async () => {
    expect(await written(['ping', []], ['get', ['é']], ['blpop', ['a', LONG, 30]])).toEqual({
      writes: 1,
      commands: [['ping'], ['get', 'é'], ['blpop', 'a', LONG, '30']],
    })
  })

  it.each<[string, Argument, string]>([
    ['an empty text', '', ''],
    ['a number', -1.5, '-1.5'],
    ['bytes', Buffer.from('b\r\n'), 'b\r\n'],
    ['bytes with others before them', { prefix: '\t \n', frame: { body: Buffer.from('b') } }, '\t \nb'],
    ['a large text', 'é'.repeat(40_000), 'é'.repeat(40_000)],
    ['large bytes', LARGE, LARGE.toString()],
    [
      'a long text with bytes before it',
      { prefix: 'p ', frame: longText('é'.repeat(10_000)) },
      `p "${'é'.repeat(10_000)}"`,
    ],
    ['a longer text', { prefix: '', frame: longText('e'.repeat(200_000)) }, `"${'e'.repeat(200_000)}"`],
    ['large bytes with others before them', { prefix: 'p ', frame: { body: LARGE } }, `p ${LARGE}`],
  ])('writes %s', async (_, arg, text) => {
    const { commands } = await written(['set', ['k', arg]], ['ping', []])
    expect(commands).toEqual([['set', 'k', text], ['ping']])
  })

  it('writes what was encoded before, as often as it is asked to', async () => {
    const head = encode([1, 'é', 'k'])
    const { commands } = await written(['evalsha', ['d', head, 'x']], ['evalsha', ['d', head]], ['ping', []])
    expect(commands).toEqual([['evalsha', 'd', '1', 'é', 'k', 'x'], ['evalsha', 'd', '1', 'é', 'k'], ['ping']])
  })

  it('writes more than a chunk holds', async () => {
    const commands = Array.from({ length: 5000 }, (_, i) => ['rpush', ['list', `item ${i}`]] as const)
    const { commands: found, writes } = await written(...commands)
    expect(found).toEqual(commands.map(([name, args]) => [name, ...args]))
    expect(writes).toBeLessThan(10)
  })

  it('writes one turn after the other', async () => {
    const chunks: Uint8Array[] = []
    const writer = new Writer(socket(chunks))
    for (let i = 0; i < 3; i++) {
      writer.command('rpush', ['list', `item ${i}`])
      await new Promise(setImmediate)
    }
    expect(read(...chunks).replies).toEqual([0, 1, 2].map(i => ['rpush', 'list', `item ${i}`]))
  })

  it('takes a command to be alone that is the first of a turn, where the turns before had one each', async () => {
    const writer = new Writer(socket([]))
    const turn = async (count: number) => {
      const alone = Array.from({ length: count }, () => {
        writer.command('ping', [])
        return writer.alone
      })
      await new Promise(setImmediate)
      return alone
    }
    expect(await turn(1)).toEqual([true])
    expect(await turn(2)).toEqual([true, false])
    for (let i = 0; i < 8; i++) expect(await turn(1)).toEqual([false])
    expect(await turn(1)).toEqual([true])
    expect(await turn(3)).toEqual([true, false, false])
    expect(await turn(1)).toEqual([false])
  })

  it('writes what was collected when it is told to, and goes on collecting', async () => {
    const chunks: Uint8Array[] = []
    const writer = new Writer(socket(chunks))
    writer.command('ping', ['1'])
    writer.flush()
    expect(read(...chunks).replies).toEqual([['ping', '1']])
    writer.command('ping', ['2'])
    writer.command('ping', ['3'])
    expect(chunks).toHaveLength(1)
    await new Promise(setImmediate)
    expect(chunks).toHaveLength(2)
    expect(read(...chunks).replies).toEqual([1, 2, 3].map(i => ['ping', String(i)]))
  })
})

import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { json } from '../src/wire/codec.ts'
import { notAMessage, Wire } from '../src/wire/wire.ts'

const root = resolve(import.meta.dirname, '../../..')
const read = (page: string) => readFileSync(join(root, page), 'utf8')
const pages = ['*.md', 'docs/*.md', 'packages/*/README.md', 'examples/**/README.md'].flatMap(pattern =>
  globSync(pattern, { cwd: root, exclude: path => path.includes('node_modules') }),
)

/** What GitHub makes of a heading. */
const anchors = (text: string) =>
  Array.from(text.matchAll(/^#+ (.*)$/gm), ([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  )

const firstColumn = (text: string) => Array.from(text.matchAll(/^\| (`[^|]*) \|/gm), ([, cell = '']) => cell)
const names = (cells: readonly string[]) =>
  cells.flatMap(cell => Array.from(cell.matchAll(/`(\w+)`/g), ([, name]) => name))

describe('the README', () => {
  it('has a line for every error code', () => {
    const codes = Array.from(read('packages/core/src/errors.ts').matchAll(/^ {2}\| '(\w+)'/gm), ([, code]) => code)
    const table = /^\| code \|.*?\n\n/ms.exec(read('README.md'))?.[0] ?? ''
    expect(names(firstColumn(table))).toEqual(codes)
    expect(codes.length).toBeGreaterThan(14)
  })
})

describe('the README of the MQTT package', () => {
  it('has a line for every option', () => {
    const [own = ''] = /^const KNOWN = .*?\]/ms.exec(read('packages/mqtt/src/options.ts')) ?? []
    const [shared = ''] =
      /^export const SESSION_OPTIONS.*?\]\n/ms.exec(read('packages/mqtt/src/session-options.ts')) ?? []
    const options = Array.from((own + shared).matchAll(/'(\w+)'/g), ([, option]) => option)
    expect(names(firstColumn(read('packages/mqtt/README.md'))).sort()).toEqual(options.sort())
    expect(options.length).toBeGreaterThan(14)
  })
})

describe('the README of the AMQP package', () => {
  it('has a line for every option', () => {
    const [rules = ''] = /^const RULES: Rules = \{.*?^\}/ms.exec(read('packages/amqp/src/options.ts')) ?? []
    const options = Array.from(rules.matchAll(/^ {2}(\w+)[:,]/gm), ([, option]) => option)
    expect(names(firstColumn(read('packages/amqp/README.md'))).sort()).toEqual(options.sort())
    expect(options.length).toBeGreaterThan(10)
  })
})

describe.each(pages)('the links of %s', page => {
  const links = Array.from(
    read(page).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g),
    ([, path = '', anchor]) => ({ path, anchor }),
  )

  it('lead somewhere', () => {
    for (const { path, anchor } of links) {
      const target = path === '' ? join(root, page) : join(root, dirname(page), path)
      expect(existsSync(target), `${page} links to ${path}`).toBe(true)
      if (anchor !== undefined)
        expect(anchors(readFileSync(target, 'utf8')), `${page} links to ${path}`).toContain(anchor)
    }
  })
})

describe('an example of the protocol', () => {
  const wire = new Wire({ codec: json, profile: '0.13', properties: false, maxMessageBytes: 1 << 20 })
  const captured = globSync(join(import.meta.dirname, 'fixtures/commlib-py/*.txt')).map(path =>
    readFileSync(path, 'utf8'),
  )
  const examples = Array.from(
    read('PROTOCOL.md').matchAll(/^([\w/-]+) {2}(\{.*\})$/gm),
    ([, topic = '', body = '']) => ({
      topic,
      body,
    }),
  ).filter(({ topic }) => topic.includes('/') || topic.startsWith('rpc-'))

  it('exists for messages, requests and responses', () => expect(examples.length).toBeGreaterThan(8))

  it.each(examples)('is what it is said to be: $topic $body', ({ topic, body }) => {
    const frame = { body: new TextEncoder().encode(body) }
    const value = JSON.parse(body)
    if (topic.startsWith('rpc-')) expect(wire.readResponse(frame)).toEqual(value.data ?? value)
    else if (value.header?.reply_to === undefined) expect(wire.readMessage(frame)).toEqual(value.data ?? value)
    else {
      expect(wire.readMessage(frame)).toBe(notAMessage)
      expect(wire.readRequest(frame)).toMatchObject({ data: value.data, replyTo: value.header.reply_to })
    }
  })

  // An address that ends with a token behind `_` is of a client of ours.
  it.each(examples.filter(({ topic, body }) => !/\/_/.test(topic) && !/correlation_id|door/.test(body)))(
    'was captured: $topic $body',
    ({ topic, body }) => {
      expect(captured.some(text => text.includes(`topic=${topic} payload=${body}`))).toBe(true)
    },
  )
})

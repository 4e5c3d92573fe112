// Installs the packed packages with npm into an empty project and runs there, with each major version of Node.js given
// as an argument, a program in memory, the same on a mosquitto and on a Redis server, and every snippet of the READMEs and docs as it stands.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, globSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freshProject, output, packAll, root, temporaryFolder } from './pack.ts'
import { type Program, programsOf } from './snippets.ts'

const program = (imports: string, transport: string) => `import { createNode, rpc, ${imports}
const Add = rpc('math.add')
const node = await createNode({ name: 'kitchen', transport: ${transport} })
await node.serve(Add, ({ a, b }) => ({ sum: a + b }))
console.log(await node.client(Add)({ a: 1, b: 2 }))
await node.close()
`
const programs: readonly Program[] = [
  { name: 'memory', code: program(`memory } from '@commlib/core'`, 'memory()'), prints: '{ sum: 3 }' },
  { name: 'lean', code: program(`memory } from '@commlib/core/lean'`, 'memory()'), prints: '{ sum: 3 }' },
  {
    name: 'mqtt',
    code: program(`} from '@commlib/core'\nimport { mqtt } from '@commlib/mqtt'`, `mqtt('mqtt://localhost')`),
    prints: '{ sum: 3 }',
  },
  {
    name: 'redis',
    code: program(`} from '@commlib/core'\nimport { redis } from '@commlib/redis'`, `redis('redis://localhost')`),
    prints: '{ sum: 3 }',
  },
  ...['README.md', ...globSync(['packages/*/README.md', 'docs/*.md'], { cwd: root }).sort()].flatMap(programsOf),
]

const tarballs = packAll()
// The suite for transports is for who develops one, with a Node.js that vitest runs on.
const packages = [...tarballs.keys()].filter(name => name !== '@commlib/testing')
const project = freshProject(tarballs, packages)
for (const { name, code } of programs) writeFileSync(join(project, `${name}.mjs`), code)

await broker('mosquitto', ['-p', '1883'], 1883)
await broker('redis-server', ['--save', '', '--appendonly', 'no'], 6379)
let failed = 0
for (const major of process.argv.length > 2 ? process.argv.slice(2) : ['20', '24']) {
  const node = nodeOf(major)
  const version = output(node, ['--version']).trim()
  for (const { name, prints } of programs) {
    const { status, error, stdout, stderr } = spawnSync(node, [`${name}.mjs`], {
      cwd: project,
      encoding: 'utf8',
      timeout: 30_000,
    })
    const passed = status === 0 && (prints === undefined || stdout.trim() === prints)
    console.log(`${passed ? 'passed' : 'FAILED'} ${name} on Node ${version}`)
    if (passed) continue
    failed++
    console.log(`${error?.message ?? `exit code ${status}`}; printed:\n${stdout}${stderr}`)
    if (prints !== undefined) console.log(`should have printed:\n${prints}`)
  }
}
process.exitCode = failed > 0 ? 1 : 0

/** A Node.js of this major version: one on the PATH, or else the one that npm has. */
function nodeOf(major: string): string {
  const found = (process.env['PATH'] ?? '')
    .split(delimiter)
    .map(folder => join(folder, 'node'))
    .find(path => existsSync(path) && output(path, ['--version']).startsWith(`v${major}.`))
  if (found !== undefined) return found
  const folder = temporaryFolder()
  output('npm', ['install', '--prefix', folder, '--no-audit', '--no-fund', '--loglevel=error', `node@${major}`], folder)
  return join(folder, 'node_modules/node/bin/node')
}

/** Sees to a broker where the READMEs expect one. */
async function broker(name: string, args: readonly string[], port: number): Promise<void> {
  if (await listens(port)) return
  const child = spawn(name, args, {
    stdio: 'ignore',
    env: { ...process.env, PATH: `${process.env['PATH']}${delimiter}/usr/sbin${delimiter}/usr/local/sbin` },
  })
  child.unref()
  process.on('exit', () => child.kill())
  let fault: Error | undefined
  child.on('error', error => {
    fault = error
  })
  for (const end = Date.now() + 10_000; !(await listens(port)); await sleep(50))
    if (fault !== undefined || child.exitCode !== null || Date.now() > end)
      throw new Error(`no ${name} on port ${port}, which the snippets need: apt install ${name}`, { cause: fault })
}

function listens(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, 'localhost')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

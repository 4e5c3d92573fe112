import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { BrokerPlace, BrokerRecipe, BrokerSignal, Engine } from './broker.ts'

const FOLDER = '/commlib'

/** Whether there may be a Docker engine, found out without loading its client. */
export function mayHaveDocker(): boolean {
  if (process.platform === 'win32' || process.env['DOCKER_HOST'] || process.env['TESTCONTAINERS_HOST_OVERRIDE']) {
    return true
  }
  const runtime = process.env['XDG_RUNTIME_DIR']
  const sockets = ['/var/run/docker.sock', join(homedir(), '.docker/run/docker.sock')]
  if (runtime !== undefined) sockets.push(join(runtime, 'docker.sock'))
  return [...sockets, join(homedir(), '.testcontainers.properties')].some(path => existsSync(path))
}

/** Runs a broker in a container, through Testcontainers. It listens on the same ports inside and outside. */
export async function createDockerEngine(
  recipe: BrokerRecipe,
  ports: Readonly<Record<string, number>>,
): Promise<Engine> {
  const { GenericContainer, getContainerRuntimeClient, Wait } = await import('testcontainers')
  const client = await getContainerRuntimeClient()
  const place: BrokerPlace = { in: 'container', address: '0.0.0.0', folder: FOLDER, ports }
  const image = process.env[recipe.imageVariable] ?? recipe.image
  const started = await new GenericContainer(image)
    .withExposedPorts(...Object.values(ports).map(port => ({ container: port, host: port })))
    .withCopyContentToContainer(contents(recipe.files(place)))
    .withEnvironment({ ...recipe.environment?.(place) })
    .withCommand([...recipe.command(recipe.binaries[0] ?? recipe.kind, place)])
    // The launcher asks the broker itself; a log line would be another guess.
    .withWaitStrategy(Wait.forLogMessage(/.*/))
    .start()
  const container = client.container.getById(started.getId())
  let alive = true
  let log = ''

  const follow = async (since: number) => {
    const stream = await client.container.logs(container, { follow: true, stdout: true, stderr: true, since })
    stream.setEncoding('utf8').on('data', (text: string) => {
      log += text
    })
    const ended = await container.wait().catch(() => undefined)
    if (ended !== undefined) alive = false
  }
  void follow(0).catch(() => {})

  return {
    from: 'docker',
    host: started.getHost(),
    write: files => started.copyContentToContainer(contents(files)),
    running: () => alive,
    log: () => log,
    processGroup: () => undefined,

    async start() {
      // The first start was Testcontainers'.
      if (alive) return
      const since = Math.floor(Date.now() / 1000)
      await container.start()
      alive = true
      void follow(since).catch(() => {})
    },

    async run(command) {
      const { exitCode, output } = await started.exec([...command])
      if (exitCode !== 0) throw new Error(`${command.join(' ')} ended with ${exitCode}: ${output}`)
      return output
    },

    async signal(name: BrokerSignal) {
      if (name === 'SIGSTOP') await container.pause()
      else if (name === 'SIGCONT') await container.unpause().catch(() => {})
      else await container.kill({ signal: name })
    },

    async remove() {
      await container.unpause().catch(() => {})
      await started.stop({ timeout: 0 })
    },
  }
}

function contents(files: Readonly<Record<string, string>>) {
  return Object.entries(files).map(([name, content]) => ({ content, target: `${FOLDER}/${name}`, mode: 0o644 }))
}

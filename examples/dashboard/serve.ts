// Bundles the page and serves it. Give it the broker's WebSocket listener.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { build } from 'esbuild'

const broker = process.argv[2] ?? 'ws://localhost:9001'
const port = Number(process.env['PORT'] ?? 8080)

const { outputFiles } = await build({
  entryPoints: [`${import.meta.dirname}/page/main.ts`],
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  write: false,
})
const files: Readonly<Record<string, readonly [type: string, content: string | Uint8Array]>> = {
  '/': ['text/html', readFileSync(`${import.meta.dirname}/page/index.html`)],
  '/style.css': ['text/css', readFileSync(`${import.meta.dirname}/page/style.css`)],
  '/main.js': ['text/javascript', outputFiles[0]?.contents ?? ''],
}

const server = createServer(({ url = '/' }, response) => {
  const [type, content] = files[new URL(url, 'http://page').pathname] ?? ['text/plain', '']
  response.writeHead(content === '' ? 404 : 200, { 'content-type': `${type}; charset=utf-8` }).end(content)
})
server.listen(port, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  console.log(`open http://localhost:${port}/?broker=${encodeURIComponent(broker)}`)
})

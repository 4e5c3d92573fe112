// Checks what npm would get of every package: publint and Are the Types Wrong, on the packed tarballs.
import { packAll, run } from './pack.ts'

for (const [name, tarball] of packAll()) {
  console.log(`\n${name}`)
  run('publint', ['--strict', tarball])
  run('attw', ['--profile', 'esm-only', '--format', 'ascii', tarball])
}

// Everything in one process, in memory.
import { upload } from './gallery.ts'
import { work } from './worker.ts'

const workers = [await work('a'), await work('b')]
await upload('cat.png', 'dog.png', 'owl.png', 'fox.png')
for (const worker of workers) await worker.close()

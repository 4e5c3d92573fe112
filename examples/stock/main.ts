// Everything in one process, in memory.
import { sell } from './shop.ts'
import { keep } from './store.ts'

const store = await keep({ lamp: 3 })
await sell()
await store.close()

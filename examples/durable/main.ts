// Everything in one process, in memory.
import { cook } from './cook.ts'
import { order } from './waiter.ts'

const firstShift = cook(1)
await order(1)
await firstShift

await order(2, 3) // nobody is in the kitchen

await cook(3)

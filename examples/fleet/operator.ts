import { control, createNode, heartbeat, memory, transportFor } from '@commlib/core'
import { mqtt } from '@commlib/mqtt'
import { Work } from './contracts.ts'

const { COMMLIB_URL = 'memory://' } = process.env

const operator = await createNode({
  name: 'operator',
  transport: transportFor(COMMLIB_URL, [memory, mqtt]),
  heartbeat: false,
})

// Whoever is there says so: no list of names, no registry. Nodes of commlib-py do it too.
const alive = new Map<string, Date>()
const hearts = await operator.subscribe(heartbeat('thing.warehouse.{node}'), ({ ts }, { params }) =>
  alive.set(params.node, ts),
)
while (alive.size < 3) await new Promise(resolve => setTimeout(resolve, 50))
await hearts.close()
const fleet = [...alive.keys()].sort()
console.log(`operator: hears ${fleet.join(', ')}`)

const work = operator.client(Work)
const pick = async () => {
  const answers = await Promise.all(Array.from({ length: 30 }, () => work({ item: 'cup' }, { timeout: 2000 })))
  return [...new Set(answers.map(({ by }) => by))].sort().join(', ')
}
console.log(`operator: work is done by ${await pick()}`)

// A stopped node serves nothing, and waits to be started again.
const [first = '', ...others] = fleet
for (const name of others) await operator.client(control(`thing.warehouse.${name}`).stop)({})
console.log(`operator: stopped ${others.join(' and ')}; work is done by ${await pick()}`)

for (const name of others) await operator.client(control(`thing.warehouse.${name}`).start)({})
await operator.client(control(`thing.warehouse.${first}`).stop)({})
console.log(`operator: the others work again, and ${first} rests; work is done by ${await pick()}`)
await operator.client(control(`thing.warehouse.${first}`).start)({})

await operator.close()

/// <reference lib="dom" />
// Follows the robot and commands it.
import { createNode, type GoalHandle, GoalStatus, heartbeat } from '@commlib/core/lean'
import { mqttLite } from '@commlib/mqtt-lite'
import { Drive, type Place, Reading, Route } from '../contracts.ts'

const url = new URLSearchParams(location.search).get('broker') ?? `ws://${location.hostname}:9001`
let goal: GoalHandle<{ progress: number; metres: number }, { metres: number }> | undefined
let beat = 0

const node = await createNode({
  name: 'dashboard',
  transport: mqttLite(url),
  waitForBroker: true,
  heartbeat: false,
  onStatus: ({ type }) => {
    if (type === 'connected') show('broker', 'connected')
    if (type === 'disconnected' || type === 'reconnecting') show('broker', 'no connection, trying again …')
    element('broker').dataset['on'] = String(type === 'connected')
  },
  onError: error => show('note', String(error)),
})

void node.subscribe(heartbeat('robot'), () => {
  beat = Date.now()
  pulse()
})
void node.subscribe(Reading, ({ value, unit }, { params }) => gauge(params.sensor, value, unit))
setInterval(pulse, 500)

element('route').addEventListener('click', () => {
  show('note', '')
  node
    .client(Route)(target(), { timeout: 2000 })
    .then(
      ({ metres }) => show('note', `It is ${metres.toFixed(1)} m away.`),
      error => show('note', error.message),
    )
})

element<HTMLFormElement>('drive').addEventListener('submit', event => {
  event.preventDefault()
  drive().catch(error => show('note', error.message))
})

element('cancel').addEventListener('click', () => void goal?.cancel())

async function drive(): Promise<void> {
  show('note', '')
  goal = await node.client(Drive)(target(), { timeout: 2000 })
  busy(true)
  try {
    for await (const { progress, metres } of goal) follow(progress, `${metres.toFixed(1)} m`)
    const { status, result, error } = await goal.outcome
    const end = { [GoalStatus.SUCCEEDED]: 'arrived', [GoalStatus.CANCELED]: 'canceled' }[status as 4 | 6] ?? 'aborted'
    follow(status === GoalStatus.SUCCEEDED ? 1 : undefined, `${end} after ${(result?.metres ?? 0).toFixed(1)} m`)
    if (error !== undefined) show('note', error.message)
  } finally {
    busy(false)
  }
}

/** Shows whether the robot has been heard of lately. */
function pulse(): void {
  const seconds = (Date.now() - beat) / 1000
  show('robot', beat === 0 ? 'not seen yet' : seconds < 3 ? 'alive' : `silent for ${seconds.toFixed(0)} s`)
  element('robot').dataset['on'] = String(seconds < 3)
}

function gauge(sensor: string, value: number, unit: string): void {
  const id = `sensor-${sensor}`
  let card = document.getElementById(id)
  if (card === null) {
    card = document.createElement('article')
    card.id = id
    for (const name of ['h3', 'p']) card.append(document.createElement(name))
    element('sensors').append(card)
  }
  const [title, text] = card.children
  if (title !== undefined) title.textContent = sensor
  if (text !== undefined) text.textContent = `${value.toFixed(1)} ${unit}`
}

function follow(progress: number | undefined, text: string): void {
  if (progress !== undefined) element<HTMLProgressElement>('progress').value = progress
  show('state', text)
}

function busy(on: boolean): void {
  element<HTMLButtonElement>('go').disabled = on
  element<HTMLButtonElement>('cancel').disabled = !on
}

function target(): Place {
  return { x: element<HTMLInputElement>('x').valueAsNumber, y: element<HTMLInputElement>('y').valueAsNumber }
}

function show(id: string, text: string): void {
  element(id).textContent = text
}

function element<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`the page has no '${id}'`)
  return found as T // the page says which
}

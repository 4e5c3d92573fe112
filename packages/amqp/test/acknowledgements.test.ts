import { describe, expect, it } from 'vitest'
import { Acknowledgements } from '../src/acknowledgements.ts'

/** Deliveries 1 to `count`, and what was written for them when the turn is over. */
function channel(count: number) {
  const written: string[] = []
  let flush = () => {}
  const acknowledgements = new Acknowledgements(
    (tag, multiple) => void written.push(multiple ? `..${tag}` : String(tag)),
    run => {
      flush = run
    },
  )
  for (let i = 0; i < count; i++) acknowledgements.expect()
  const turn = (...tags: number[]) => {
    for (const tag of tags) acknowledgements.settle(tag)
    flush()
    return written.splice(0)
  }
  return { acknowledgements, turn }
}

describe('acknowledgements', () => {
  it('go out together where nothing before them is missing, and alone where something is', () => {
    const { turn } = channel(9)
    expect(turn(1)).toEqual(['1'])
    expect(turn(2, 3, 4)).toEqual(['..4'])
    expect(turn(6, 8)).toEqual(['6', '8'])
    expect(turn(5)).toEqual(['5'])
    // Of those that are acknowledged already none may be named again.
    expect(turn(7)).toEqual(['7'])
    expect(turn(9)).toEqual(['9'])
  })

  it('are the same whatever the order in a turn', () => {
    const { turn } = channel(6)
    expect(turn(3, 1, 2)).toEqual(['..3'])
    expect(turn(6, 4)).toEqual(['6', '4'])
    expect(turn(5)).toEqual(['5'])
  })

  it('are all out when everything is settled, or nothing can be any more', async () => {
    const { acknowledgements, turn } = channel(2)
    let idle = 0
    void acknowledgements.idle().then(() => idle++)
    turn(2)
    await null
    expect(idle).toBe(0)
    turn(1)
    await null
    expect(idle).toBe(1)
    await acknowledgements.idle()
    acknowledgements.expect()
    const ended = acknowledgements.idle()
    acknowledgements.end()
    await ended
    expect(turn(3)).toEqual([])
  })
})

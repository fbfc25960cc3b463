import axe from 'axe-core'
import '../../components/packet-stage/define.ts'
import type { PacketStage, StageActivation } from '../../components/packet-stage/packet-stage.ts'
import { Selection } from '../../components/selection.ts'
import type { EventRecord } from '../../src/trace/record.ts'
import { syntheticCrowd, syntheticDownload, syntheticZoo, type SyntheticRun } from './synthetic-run.ts'

const MS = 1_000_000

function check(condition: boolean, what: string): void {
  if (!condition) throw new Error(what)
}

function same(actual: unknown, expected: unknown, what = 'value'): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)]
  if (a !== b) throw new Error(`${what}: ${a} should be ${b}`)
}

/** Waits until something holds; says what was waited for when it does not within 10 s. */
async function until(holds: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 10_000
  while (!holds()) {
    if (performance.now() > end) throw new Error(`waited in vain: ${what}`)
    await nextFrame()
  }
}

function nextFrame(): Promise<void> {
  return new Promise((resolve) => {
    requestAnimationFrame(() => {
      resolve()
    })
  })
}

const stages: PacketStage[] = []

function show(run: SyntheticRun, parent: Element = document.body): PacketStage {
  const stage = document.createElement('packet-stage')
  stage.run = run
  parent.append(stage)
  stages.push(stage)
  return stage
}

function inside(stage: PacketStage, selector: string): HTMLElement {
  const found = stage.renderRoot.querySelector<HTMLElement>(selector)
  if (found === null) throw new Error(`no ${selector}`)
  return found
}

function canvasOf(stage: PacketStage): HTMLCanvasElement | null {
  return stage.renderRoot.querySelector('canvas')
}

async function ready(stage: PacketStage): Promise<void> {
  await until(() => canvasOf(stage) !== null, 'a canvas')
  await nextFrame()
  await nextFrame()
}

function labels(stage: PacketStage): string[] {
  return [...stage.renderRoot.querySelectorAll('.label')].map((label) => label.textContent).sort()
}

/** How many pixels of the canvas are painted, and their mean colour, in the frame in which the stage draws. */
async function pixels(stage: PacketStage): Promise<{ painted: number; colour: number[] }> {
  stage.run?.dispatchEvent(new Event('time'))
  await nextFrame()
  const canvas = canvasOf(stage)
  const copy = document.createElement('canvas')
  copy.width = canvas?.width ?? 1
  copy.height = canvas?.height ?? 1
  const context = copy.getContext('2d')
  if (canvas === null || context === null) throw new Error('no canvas')
  context.drawImage(canvas, 0, 0)
  const { data } = context.getImageData(0, 0, copy.width, copy.height)
  let painted = 0
  const sum = [0, 0, 0]
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] < 250) continue
    painted++
    for (let c = 0; c < 3; c++) sum[c] += data[i + c]
  }
  return { painted, colour: sum.map((each) => Math.round(each / Math.max(1, painted))) }
}

function activations(stage: PacketStage): StageActivation[] {
  const seen: StageActivation[] = []
  stage.addEventListener('packet-stage-activate', (event) => {
    seen.push((event as CustomEvent<StageActivation>).detail)
  })
  return seen
}

function click(stage: PacketStage, x: number, y: number, pointerType = 'mouse'): void {
  const frame = inside(stage, '.frame')
  const box = frame.getBoundingClientRect()
  const where = { clientX: box.left + x, clientY: box.top + y, bubbles: true, composed: true }
  frame.dispatchEvent(new PointerEvent('pointerdown', { ...where, pointerType }))
  frame.dispatchEvent(new MouseEvent('click', where))
}

function press(stage: PacketStage, key: string): void {
  inside(stage, '.frame').dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, composed: true, cancelable: true }))
}

/** The place of a label's frame: labels stand beside what they name. */
function middleOf(element: Element, stage: PacketStage): { x: number; y: number } {
  const box = element.getBoundingClientRect()
  const frame = inside(stage, '.frame').getBoundingClientRect()
  return { x: box.left + box.width / 2 - frame.left, y: box.top + box.height / 2 - frame.top }
}

afterEach(() => {
  for (const stage of stages.splice(0)) {
    stage.run?.dispose()
    stage.remove()
  }
  document.body.removeAttribute('style')
  document.body.replaceChildren()
})

describe('the first paint of a stage', () => {
  it('is the topology, before Pixi is there', async () => {
    const stage = show(syntheticZoo())
    await stage.updateComplete
    const names = [...stage.renderRoot.querySelectorAll('.host .name')].map((name) => name.textContent)
    same(names, ['alice', 'carol', 'switch', 'router', 'bob', 'dave'], 'hosts')
    same(stage.renderRoot.querySelectorAll('.surface').length, 5, 'links')
    same(canvasOf(stage), null, 'canvas')
  })

  it('is all there is while the stage is far below the fold', async () => {
    const gap = document.createElement('div')
    gap.style.height = '9000px'
    document.body.append(gap)
    const stage = show(syntheticDownload())
    await new Promise((resolve) => setTimeout(resolve, 300))
    same(canvasOf(stage), null, 'canvas')
    stage.scrollIntoView()
    await ready(stage)
    scrollTo(0, 0)
    await until(() => canvasOf(stage) === null, 'the canvas to go')
  })
})

/** The mean colour of the packets, when it has stayed the same for ten frames: a busy machine paints late. */
async function settledColour(stage: PacketStage): Promise<readonly number[]> {
  let { colour } = await pixels(stage)
  for (let same = 0; same < 10; same++) {
    await nextFrame()
    const next = await pixels(stage)
    if (String(next.colour) !== String(colour)) same = 0
    colour = next.colour
  }
  return colour
}

describe('a stage', () => {
  it('draws frames, and names them when there are few', async () => {
    const run = syntheticDownload()
    run.goTo(12 * MS)
    const stage = show(run)
    await ready(stage)
    await until(() => labels(stage).includes('SYN'), 'the label SYN')
    check((await pixels(stage)).painted > 40, 'something is drawn')
    run.goTo(1 * MS)
    same((await pixels(stage)).painted, 0, 'pixels while nothing flies')
    same(labels(stage), [], 'labels while nothing flies')
  })

  it('shows the same again when time goes back', async () => {
    const run = syntheticDownload()
    run.goTo(75 * MS)
    const stage = show(run)
    await ready(stage)
    await until(() => labels(stage).some((label) => label.startsWith('seq')), 'sequence numbers')
    await new Promise((resolve) => setTimeout(resolve, 100))
    const before = { pixels: await pixels(stage), labels: labels(stage) }
    run.goTo(160 * MS)
    const between = await pixels(stage)
    check(JSON.stringify(between) !== JSON.stringify(before.pixels), 'another time looks different')
    run.goTo(75 * MS)
    same({ pixels: await pixels(stage), labels: labels(stage) }, before)
  })

  it('says why a frame was lost, where it was lost', async () => {
    const run = syntheticDownload()
    run.trace.horizon = 1000 * MS
    const lost = [...run.trace.frames(({ fate }) => fate === 'random-loss')][0]
    run.goTo(lost.fateAt)
    const stage = show(run)
    await ready(stage)
    await until(() => labels(stage).includes('lost'), 'the label')
    const label = [...stage.renderRoot.querySelectorAll('.label')].find((each) => each.textContent === 'lost')
    const width = inside(stage, '.frame').clientWidth
    check(label !== undefined && Math.abs(middleOf(label, stage).x - width / 2) < 8, 'half way')
  })

  it('asks for no animation frames while nothing changes', async () => {
    const stage = show(syntheticDownload())
    await ready(stage)
    await new Promise((resolve) => setTimeout(resolve, 300))
    const original = requestAnimationFrame.bind(window)
    let asked = 0
    window.requestAnimationFrame = (callback) => {
      asked++
      return original(callback)
    }
    await new Promise((resolve) => setTimeout(resolve, 400))
    window.requestAnimationFrame = original
    same(asked, 0, 'frames asked for')
  })

  it('tells streams apart when asked to, where there are any', async () => {
    const plain = show(syntheticDownload())
    await ready(plain)
    same(plain.renderRoot.querySelectorAll('.legend input').length, 0, 'nothing to choose')

    const run = syntheticDownload()
    const [, connection] = run.trace.connections
    const event = (id: number, name: string, data: Record<string, string | number>) => ({
      ...{ id, time: 0, host: 0, name, connection, data, cause: 0 },
    })
    const events = [
      event(1, 'http:request-sent', { stream: 1, url: 'https://bob/index.html' }),
      event(2, 'http2:frame-sent', { stream: 1, type: 'HEADERS', length: 20, from: 0, to: 60 }),
    ]
    Object.assign(run.trace, {
      events,
      first: (name: string, where?: (found: (typeof events)[number]) => boolean) =>
        events.find((found) => found.name === name && (where?.(found) ?? true)),
    })
    const stage = show(run)
    run.goTo(100 * MS)
    await ready(stage)
    await until(() => stage.renderRoot.querySelectorAll('.legend input').length === 2, 'the choice')
    const [byConnection, byStream] = stage.renderRoot.querySelectorAll<HTMLInputElement>('.legend input')
    check(byConnection.checked, 'connections at first')
    const before = await pixels(stage)
    byStream.click()
    await until(() => inside(stage, '.legend .connection').textContent === 'stream 1 /index.html', 'the name of the stream')
    await nextFrame()
    const after = await pixels(stage)
    check(
      after.colour.some((value, i) => Math.abs(value - before.colour[i]) > 5),
      `${String(before.colour)} has other colours: ${String(after.colour)}`,
    )
    const { violations } = await axe.run(stage)
    same(
      violations.map(({ id }) => id),
      [],
      'accessibility',
    )
  })

  it('follows the theme while it runs', async () => {
    const run = syntheticDownload()
    run.goTo(100 * MS)
    document.body.style.setProperty('--packetarium-color-scheme', 'light')
    const stage = show(run)
    await ready(stage)
    const light = await settledColour(stage)
    document.body.style.setProperty('--packetarium-color-scheme', 'dark')
    await nextFrame()
    const dark = await settledColour(stage)
    check(
      dark.every((value, i) => Math.abs(value - light[i]) > 5),
      `${String(light)} becomes another colour: ${String(dark)}`,
    )
    document.body.style.setProperty('--packetarium-color-scheme', 'light')
    await nextFrame()
    same(await settledColour(stage), light, 'and the same again')
  })

  it('stands upright where it is narrow', async () => {
    const phone = document.createElement('div')
    phone.style.width = '390px'
    document.body.append(phone)
    const run = syntheticDownload()
    const stage = show(run, phone)
    await ready(stage)
    const [alice, bob] = [...stage.renderRoot.querySelectorAll('.host .card')].map((card) => card.getBoundingClientRect())
    check(Math.abs(alice.left - bob.left) < 20 && bob.top > alice.bottom + 100, 'one above the other')
    phone.style.width = '700px'
    await until(() => {
      const cards = [...stage.renderRoot.querySelectorAll('.host .card')].map((card) => card.getBoundingClientRect())
      return cards[1].left > cards[0].right + 200
    }, 'the hosts to stand side by side')
  })

  it('shows hosts that are off or paused, and cut links, as of the playhead', async () => {
    const run = syntheticZoo()
    run.log = [
      { at: 10 * MS, kill: 'bob' },
      { at: 20 * MS, cut: 'alice-switch' },
      { at: 30 * MS, restart: 'bob' },
    ]
    const stage = show(run)
    await ready(stage)
    const seen = async (time: number): Promise<[number, number]> => {
      run.goTo(time)
      await nextFrame()
      await stage.updateComplete
      return [stage.renderRoot.querySelectorAll('.host.off').length, stage.renderRoot.querySelectorAll('.surface.cut').length]
    }
    same(await seen(5 * MS), [0, 0])
    same(await seen(15 * MS), [1, 0])
    same(await seen(25 * MS), [1, 2])
    same(await seen(35 * MS), [0, 2])
    same(await seen(15 * MS), [1, 0], 'going back')
  })

  it('shows a host as off from its crash until it is back, as of the playhead', async () => {
    const run = syntheticZoo()
    const bob = run.trace.hosts.indexOf('bob')
    const event = (id: number, time: number, name: string, member = 0): EventRecord => {
      return { id, time, host: bob, member, name, connection: '', data: {}, cause: 0 }
    }
    Object.assign(run.trace, {
      events: [event(1, 5 * MS, 'host:crashed', 3), event(2, 10 * MS, 'host:crashed'), event(3, 30 * MS, 'host:recovered')],
    })
    const stage = show(run)
    await ready(stage)
    const isOff = async (time: number): Promise<boolean> => {
      run.goTo(time)
      await nextFrame()
      await stage.updateComplete
      return stage.renderRoot.querySelector('.host.off') !== null
    }
    same([await isOff(7 * MS), await isOff(15 * MS), await isOff(35 * MS), await isOff(12 * MS)], [false, true, false, true])
  })

  it('shows links as cut that are down by their schedule, as of the playhead', async () => {
    const run = syntheticZoo()
    run.log = [{ at: 0, link: { name: 'alice-switch', settings: { flaps: [{ at: 20 * MS, for: 10 * MS }] } } }]
    const stage = show(run)
    await ready(stage)
    const shown = async (time: number): Promise<boolean> => {
      await run.seek(time)
      await nextFrame()
      await stage.updateComplete
      return stage.renderRoot.querySelector('.surface.cut') !== null
    }
    same([await shown(19 * MS), await shown(21 * MS), await shown(31 * MS), await shown(25 * MS)], [false, true, false, true])
  })

  it('draws a thousand frames at once', async () => {
    const run = syntheticCrowd(1000)
    run.goTo(600 * MS)
    const stage = show(run)
    await ready(stage)
    check((await pixels(stage)).painted > 3000, 'many pixels')
  })

  it('may stand beside others', async () => {
    const runs = [syntheticDownload(), syntheticZoo(), syntheticDownload()]
    const all = runs.map((run) => show(run))
    for (const stage of all) await ready(stage)
    runs[0].goTo(12 * MS)
    await until(() => labels(all[0]).length > 0, 'a label on the first')
    same(labels(all[2]), [], 'labels on the third')
  })
})

describe('pointing at a stage', () => {
  it('tells which packet, host or link was clicked', async () => {
    const run = syntheticDownload()
    run.goTo(12 * MS)
    const stage = show(run)
    await ready(stage)
    await until(() => labels(stage).length === 1, 'a label')
    const seen = activations(stage)
    const label = middleOf(inside(stage, '.label'), stage)
    const host = middleOf(inside(stage, '.host .card'), stage)
    click(stage, label.x, label.y + 16)
    click(stage, label.x, label.y + 16 - 22, 'touch')
    click(stage, host.x, host.y)
    click(stage, label.x - 200, label.y + 26)
    click(stage, 4, 4)
    same(
      seen.map(({ target }) => target),
      [
        { kind: 'frame', number: 1 },
        { kind: 'frame', number: 1 },
        { kind: 'host', index: 0 },
        { kind: 'link', index: 0 },
      ],
    )
    const box = inside(stage, '.frame').getBoundingClientRect()
    same([seen[2].x, seen[2].y], [box.left + host.x, box.top + host.y], 'place on the page')
  })

  it('tells about what is under the pointer', async () => {
    const stage = show(syntheticDownload())
    await ready(stage)
    const frame = inside(stage, '.frame')
    const { x, y } = middleOf(inside(stage, '.host .card'), stage)
    const box = frame.getBoundingClientRect()
    frame.dispatchEvent(new PointerEvent('pointermove', { clientX: box.left + x, clientY: box.top + y, pointerType: 'mouse' }))
    await nextFrame()
    await nextFrame()
    const tooltip = inside(stage, '.tooltip')
    check(!tooltip.hasAttribute('hidden') && tooltip.textContent.includes('alice'), 'the tooltip names the host')
    frame.dispatchEvent(new PointerEvent('pointerleave'))
    await nextFrame()
    await nextFrame()
    check(tooltip.hasAttribute('hidden'), 'the tooltip goes')
  })
})

describe('a stage without a mouse', () => {
  it('is walked with arrow keys, says where one is, and acts on Enter', async () => {
    const run = syntheticDownload()
    run.goTo(12 * MS)
    const stage = show(run)
    await ready(stage)
    const seen = activations(stage)
    const said: string[] = []
    for (const key of ['ArrowRight', 'ArrowRight', 'ArrowRight', 'ArrowRight']) {
      press(stage, key)
      await stage.updateComplete
      said.push(inside(stage, '#focus').textContent)
    }
    check(said[0].startsWith('Host alice') && said[1].startsWith('Host bob'), said.join(' | '))
    check(said[2].startsWith('Link alice'), said[2])
    check(said[3].startsWith('Packet 1: SYN'), said[3])
    press(stage, 'Enter')
    same(
      seen.map(({ target }) => target),
      [{ kind: 'frame', number: 1 }],
    )
    press(stage, 'Home')
    await stage.updateComplete
    check(stage.renderRoot.querySelector('.host.focused') !== null, 'a ring around the host')
    press(stage, 'Escape')
    await stage.updateComplete
    same(stage.renderRoot.querySelector('.host.focused'), null, 'ring after Escape')
  })

  it('says in words what the network is and what flies', async () => {
    const run = syntheticDownload()
    run.goTo(12 * MS)
    const stage = show(run)
    await ready(stage)
    check(inside(stage, '.frame').getAttribute('aria-label')?.includes('alice') === true, 'the network')
    await until(() => inside(stage, '#traffic').textContent === 'Packets: alice to bob: 1 on the way.', 'the traffic')
  })

  it('passes axe', async () => {
    const run = syntheticZoo()
    run.goTo(170 * MS)
    const main = document.createElement('main')
    document.body.append(main)
    const stage = show(run, main)
    await ready(stage)
    const { violations } = await axe.run(stage, { rules: { region: { enabled: false } } })
    same(
      violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`),
      [],
      'violations',
    )
  })
})

describe('selecting', () => {
  it('sets off what is selected', async () => {
    const stage = show(syntheticDownload())
    const selection = new Selection()
    stage.selection = selection
    await ready(stage)
    selection.select({ kind: 'host', index: 1 })
    await stage.updateComplete
    same(stage.renderRoot.querySelectorAll('.host.selected').length, 1, 'hosts')
    selection.select({ kind: 'link', index: 0 })
    await stage.updateComplete
    check(stage.renderRoot.querySelector('.edge.selected') !== null, 'the link')
  })
})

describe('the life of the canvas', () => {
  it('survives being removed while Pixi starts, any number of times', async () => {
    const run = syntheticDownload()
    run.goTo(12 * MS)
    const stage = show(run)
    for (let i = 0; i < 24; i++) {
      await new Promise((resolve) => setTimeout(resolve, (i * 7) % 60))
      stage.remove()
      document.body.append(stage)
    }
    await ready(stage)
    same(stage.renderRoot.querySelectorAll('canvas').length, 1, 'canvases')
    await until(() => labels(stage).includes('SYN'), 'the label SYN')
    check((await pixels(stage)).painted > 40, 'something is drawn')
  })

  it('leaves no canvas behind when the stage goes', async () => {
    const stage = show(syntheticDownload())
    await ready(stage)
    const context = canvasOf(stage)?.getContext('webgl2') ?? undefined
    stage.remove()
    same(canvasOf(stage), null, 'canvas')
    check(context === undefined || context.isContextLost(), 'the WebGL context was given back')
  })

  it('begins anew when its WebGL context is taken away', async () => {
    const run = syntheticDownload()
    run.goTo(12 * MS)
    const stage = show(run)
    await ready(stage)
    const first = canvasOf(stage)
    const lose = first?.getContext('webgl2')?.getExtension('WEBGL_lose_context')
    if (first === null || lose === null || lose === undefined) throw new Error('no WebGL to lose')
    lose.loseContext()
    await until(() => canvasOf(stage) !== null && canvasOf(stage) !== first, 'another canvas')
    await nextFrame()
    check((await pixels(stage)).painted > 40, 'something is drawn again')
  })
})

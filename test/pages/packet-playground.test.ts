import '../../components/packet-playground/define.ts'
import type { Engine, ScenarioPlace } from '../../components/packet-playground/engine.ts'
import { PacketPlayground } from '../../components/packet-playground/packet-playground.ts'
import { equal, match, ok, same } from './assert.ts'
import { assertAccessible } from './axe.ts'
import { button, inside, insideAll, mount, press, replace, settled, unmount, until, words } from './mount.ts'
import { pageLoad } from './page-load.ts'
import { MS, SCENARIO, ScriptedRun, scriptedTrace } from './scripted-run.ts'

/** Runs that were started, in order. */
let runs: ScriptedRun[] = []
/** What was asked for. */
let opened: { place: ScenarioPlace; seed: number | undefined }[] = []
/** Holds starts back until it is called. */
let release: (() => void) | undefined
/** What the runs show. */
let trace = scriptedTrace

const engine: Engine = {
  list: [
    { id: 'scripted', title: 'A scripted download', summary: 'One packet is lost.' },
    { id: 'another', title: 'Another', summary: '' },
  ],
  open: (place, { seed }) => {
    opened.push({ place, seed })
    if ('id' in place && place.id !== 'scripted') return Promise.reject(new Error(`There is no scenario “${place.id}”.`))
    return Promise.resolve({
      scenario: SCENARIO,
      source: undefined,
      usualKnobs: { loss: 0, sack: true, recovery: 'newreno' },
      judge: () => [],
      parseLog: () => [],
      start: async () => {
        if (release !== undefined) await new Promise<void>((resolve) => (release = resolve))
        const run = new ScriptedRun(trace())
        runs.push(run)
        return run
      },
    })
  },
}

type Properties = Partial<PacketPlayground>

async function ready(
  properties: Properties = { scenario: 'scripted' },
): Promise<{ element: PacketPlayground; run: ScriptedRun }> {
  const element = await mount('packet-playground', properties)
  const before = runs.length
  await until(() => runs.length > before || runs.length > 0, 'the run')
  await settled(element)
  await settled(element)
  return { element, run: runs[runs.length - 1] }
}

function activate(element: PacketPlayground, target: object): void {
  inside(element, 'packet-stage').dispatchEvent(
    new CustomEvent('packet-stage-activate', { detail: { target, x: 100, y: 100 }, bubbles: true, composed: true }),
  )
}

describe('<packet-playground>', () => {
  const { loadEngine } = PacketPlayground
  beforeEach(() => {
    runs = []
    opened = []
    release = undefined
    trace = scriptedTrace
    PacketPlayground.loadEngine = () => Promise.resolve(engine)
  })
  afterEach(() => {
    unmount()
    PacketPlayground.loadEngine = loadEngine
    history.replaceState(null, '', location.pathname + location.search)
    document.body.style.width = ''
  })

  for (const theme of ['light', 'dark']) {
    for (const width of [390, 1200]) {
      it(`is accessible, ${theme}, at ${String(width)} px`, async () => {
        document.body.style.width = `${String(width)}px`
        const { element, run } = await ready({ scenario: 'scripted', theme })
        run.goTo(80 * MS)
        await settled(element)
        activate(element, { kind: 'frame', number: 6 })
        await settled(element)
        await assertAccessible(element)
      })
    }
  }

  it('does not grow wider than its place, at 390 px', async () => {
    document.body.style.width = '390px'
    const { element, run } = await ready()
    run.goTo(80 * MS)
    for (const panel of ['Knobs', 'Loading', 'Events', 'Packet', 'Break']) {
      button(element, panel).click()
      await settled(element)
      const edge = element.getBoundingClientRect().right
      for (const each of insideAll(element, '.playground *')) {
        if (
          each.checkVisibility() &&
          each.getBoundingClientRect().right > edge + 1 &&
          !each.closest('.visually-hidden, dialog, [popover]')
        ) {
          throw new Error(`${each.localName}.${each.className} sticks out with ${panel} open`)
        }
      }
    }
  })

  it('draws the network in a few strokes before its parts are there', async () => {
    const { loadParts } = PacketPlayground
    let go = (): void => undefined
    const held = new Promise<void>((resolve) => (go = resolve))
    PacketPlayground.loadParts = () => held
    const element = await mount('packet-playground', { scenario: 'scripted' })
    await until(() => element.shadowRoot?.querySelector('.poster'), 'the poster')
    same(insideAll(element, '.poster text').map(words), ['alice', 'bob'])
    await assertAccessible(element)
    equal(runs.length, 0)
    PacketPlayground.loadParts = loadParts
    await loadParts()
    go()
    await until(() => runs.length === 1, 'the run')
  })

  it('draws the network before the engine is there, and moves nothing when it comes', async () => {
    release = () => undefined
    const element = await mount('packet-playground', { scenario: 'scripted' })
    await until(() => element.shadowRoot?.querySelector('packet-stage'), 'the stage')
    await settled(element)
    await settled(element)
    match(words(inside(element, '.header h2')), /A scripted download/)
    ok(button(inside(element, 'packet-transport'), 'Play').disabled, 'it cannot be played yet')
    const height = element.offsetHeight
    release()
    await until(() => runs.length === 1, 'the run')
    await settled(element)
    await settled(element)
    equal(button(inside(element, 'packet-transport'), 'Play').disabled, false)
    equal(element.offsetHeight, height)
  })

  it('tells when it is ready, when something changed, and gives the run', async () => {
    const told: string[] = []
    const listen = (event: Event): void => {
      told.push(event.type)
      ok((event as CustomEvent<{ run: unknown }>).detail.run === runs[0], 'another run')
    }
    document.body.addEventListener('packetarium-ready', listen)
    document.body.addEventListener('packetarium-change', listen)
    const { run } = await ready()
    run.play()
    same(told, ['packetarium-ready', 'packetarium-change', 'packetarium-change'].slice(0, told.length))
    ok(told.length >= 2, 'nothing was told')
    document.body.removeEventListener('packetarium-ready', listen)
    document.body.removeEventListener('packetarium-change', listen)
  })

  it('takes seed, speed and autoplay from its attributes', async () => {
    const { run } = await ready({ scenario: 'scripted', seed: '42', speed: '0.5', autoplay: true })
    same(opened, [{ place: { id: 'scripted' }, seed: 42 }])
    equal(run.speed, 0.5)
    await until(() => run.state === 'playing', 'it to play')
  })

  it('finds its scenario in an id, an address, a script inside, or a property', async () => {
    const script = document.createElement('script')
    script.type = 'application/json'
    script.textContent = '{"id":"mine"}'
    const element = document.createElement('packet-playground')
    element.append(script)
    document.body.append(element)
    await until(() => opened.length === 1, 'opening')
    element.remove()
    await mount('packet-playground', { scenario: './mine.json' })
    await until(() => opened.length === 2, 'opening')
    await mount('packet-playground', { source: { id: 'given' } })
    await until(() => opened.length === 3, 'opening')
    same(
      opened.map(({ place }) => place),
      [{ source: { id: 'mine' } }, { url: new URL('./mine.json', document.baseURI).href }, { source: { id: 'given' } }],
    )
  })

  it('says that there is no such scenario, and offers the list', async () => {
    const element = await mount('packet-playground', { scenario: 'scriptd' })
    await until(() => element.shadowRoot?.querySelector('[role=alert]'), 'the alert')
    match(words(inside(element, '[role=alert]')), /There is no scenario “scriptd”/)
    await assertAccessible(element)
    same(insideAll(element, '.problem li button').map(words), ['A scripted download', 'Another'])
    button(element, 'A scripted download').click()
    await until(() => runs.length === 1, 'the run')
    equal(insideAll(element, '[role=alert]').length, 0)
  })

  it('says that a seed or the JSON inside is bad', async () => {
    for (const seed of ['-1', 'seven', '1.5', '99999999999999999999']) {
      const element = await mount('packet-playground', { scenario: 'scripted', seed })
      await until(() => element.shadowRoot?.querySelector('[role=alert]'), 'the alert')
      match(words(inside(element, '[role=alert]')), /whole number/)
      element.remove()
    }
    const element = document.createElement('packet-playground')
    element.innerHTML = '<script type="application/json">{"id": </script>'
    document.body.append(element)
    await until(() => element.shadowRoot?.querySelector('[role=alert]'), 'the alert')
    match(words(inside(element, '[role=alert]')), /not JSON/)
    element.remove()
  })

  it('says when the engine breaks, and can start over', async () => {
    const { element, run } = await ready()
    run.failure = 'A worker died.'
    run.state = 'failed'
    run.dispatchEvent(new Event('change'))
    await settled(element)
    match(words(inside(element, '[role=alert]')), /A worker died\./)
    button(element, 'Start over').click()
    equal(run.told.at(-1), 'restart 0')
  })

  it('says when the trace begins to thin', async () => {
    const { element, run } = await ready()
    run.trace.thinnedBytes = 12 * 1024 * 1024
    run.goTo(10 * MS)
    await settled(element)
    match(words(inside(element, '.thinned')), /12 MiB/)
  })

  it('frees its run when it is taken away, and one that comes too late', async () => {
    const { element, run } = await ready()
    element.remove()
    equal(run.disposed, true)
    release = () => undefined
    const late = await mount('packet-playground', { scenario: 'scripted' })
    await until(() => late.shadowRoot?.querySelector('packet-stage'), 'the stage')
    late.remove()
    release()
    await until(() => runs.length === 2, 'the run')
    await until(() => runs[1].disposed, 'it to be freed')
  })

  it('loads nothing while it is far from the viewport, and pauses off-screen', async () => {
    const spacer = document.createElement('div')
    spacer.style.height = '5000px'
    document.body.append(spacer)
    const element = await mount('packet-playground', { scenario: 'scripted' })
    await new Promise((resolve) => setTimeout(resolve, 100))
    equal(opened.length, 0)
    element.scrollIntoView()
    await until(() => runs.length === 1, 'the run')
    const [run] = runs
    await settled(element)
    run.play()
    scrollTo(0, 0)
    await until(() => run.state === 'paused', 'it to pause')
    element.scrollIntoView()
    await until(() => run.state === 'playing', 'it to go on')
    spacer.remove()
  })

  it('two on one page do not meddle with each other', async () => {
    const { element: first, run } = await ready()
    const second = await mount('packet-playground', { scenario: 'scripted' })
    await until(() => runs.length === 2, 'the other run')
    await settled(second)
    run.goTo(50 * MS)
    await settled(first)
    equal(words(inside(first, 'packet-transport', '.now')), '50.000 ms')
    equal(words(inside(second, 'packet-transport', '.now')), '0.000 ms')
    first.remove()
    same([runs[0].disposed, runs[1].disposed], [true, false])
  })

  it('a click on a packet drops it, corrupts it or opens it', async () => {
    const { element, run } = await ready()
    run.goTo(65.5 * MS)
    activate(element, { kind: 'frame', number: 9 })
    await until(() => run.log.length === 1, 'the drop')
    same(run.told, ['{"drop":{"frame":9}}'])
    press(inside(element, 'packet-stage'), 'c')
    activate(element, { kind: 'frame', number: 8 })
    await until(() => run.told.length === 2, 'the corruption')
    same(run.told[1], '{"corrupt":{"frame":8}}')
    press(inside(element, 'packet-stage'), 'i')
    activate(element, { kind: 'frame', number: 7 })
    await settled(element)
    match(words(inside(element, 'packet-inspector', '.head')), /#7 Data/)
  })

  it('what a page waited for leads to the packet that was lost, which is opened beside it', async () => {
    document.body.style.width = '1200px'
    trace = pageLoad
    const { element, run } = await ready()
    run.goTo(320 * MS)
    await settled(element)
    button(element, 'Loading of pages').click()
    const waterfall = inside(element, 'packet-waterfall')
    await until(() => insideAll(waterfall, '.bar .span.blocked').length > 0, 'what was blocked')
    insideAll(waterfall, '.bar .span.blocked')[0].click()
    const lost = run.trace.all_.find(({ fate }) => fate === 'random-loss')?.number ?? 0
    await until(() => insideAll(waterfall, '.packet').length > 0, 'the reason')
    button(waterfall, `packet #${String(lost)}`).click()
    await settled(element)
    match(words(inside(element, 'packet-inspector', '.head')), new RegExp(`#${String(lost)} Data`))
    ok(waterfall.checkVisibility(), 'the waterfall is gone')
  })

  it('a click on a link or a host opens its controls there', async () => {
    const { element } = await ready()
    for (const target of [
      { kind: 'link', index: 0 },
      { kind: 'host', index: 1 },
    ]) {
      activate(element, target)
      const menu = inside(element, 'packet-target-menu')
      await until(() => menu.shadowRoot?.querySelector('.menu:popover-open'), 'the popover')
      ok(inside(menu, `packet-${target.kind}-controls`), 'no controls')
    }
  })

  it('obeys the keyboard, and leaves alone what is typed into a field', async () => {
    const { element, run } = await ready()
    const stage = inside(element, '.header')
    for (const key of [' ', '.', ',', 'Home', 'End', '+', '-']) press(stage, key)
    await settled(element)
    same(run.told, ['play', 'step 1', 'step -1', 'seek 0', `seek ${String(run.horizon)}`])
    equal(run.speed, 0.01)
    run.told.length = 0
    press(inside(element, 'packet-events', '.search'), ' ')
    press(inside(element, 'packet-events', '.search'), 'd')
    press(inside(element, 'packet-transport', '#speed'), 'ArrowRight')
    equal(press(inside(element, 'packet-transport', '.play'), ' ').defaultPrevented, false)
    press(stage, ' ', { ctrlKey: true })
    same(run.told, [])
  })

  it('shows its shortcuts, and closes them again', async () => {
    const { element } = await ready()
    press(inside(element, '.header'), '?', { shiftKey: true })
    const dialog = inside<HTMLDialogElement>(element, '#help')
    await until(() => dialog.open, 'it to open')
    await assertAccessible(dialog)
    dialog.querySelector('button')?.click()
    equal(dialog.open, false)
  })

  it('says what happened when it is stepped, for who does not see it', async () => {
    const { element, run } = await ready()
    run.goTo(74 * MS)
    await until(() => words(inside(element, '#said')) !== '', 'the words')
    match(words(inside(element, '#said')), /Packet 6 lost: random loss on the link/)
  })

  it('hands out a link that replays this', async () => {
    const { element, run } = await ready()
    run.goTo(50 * MS)
    await run.intervene({ kill: 'bob' })
    let link = ''
    replace(navigator.clipboard, 'writeText', (text) => {
      link = text
      return Promise.resolve()
    })
    button(element, 'Copy a link to this').click()
    await until(() => link !== '', 'the link')
    const fragment = decodeURIComponent(new URL(link).hash)
    match(fragment, /scenario=scripted/)
    match(fragment, /seed=7/)
    match(fragment, /at=50 ms/)
    match(fragment, /"kill":"bob"/)
  })

  it('shows the link when the clipboard is closed', async () => {
    const { element } = await ready()
    replace(navigator.clipboard, 'writeText', () => Promise.reject(new Error('not allowed')))
    button(element, 'Copy a link to this').click()
    await until(() => inside<HTMLDialogElement>(element, '#share').open, 'the dialog')
    match(inside<HTMLInputElement>(element, '#share input').value, /#.*scenario=scripted/)
  })

  it('begins where a link says, and is not meant by a link to another scenario', async () => {
    location.hash = '#scenario=another&seed=3&at=50%20ms'
    const first = await ready()
    equal(opened[0].seed, undefined)
    equal(first.run.playhead, 0)
    first.element.remove()
    location.hash = '#scenario=scripted&seed=3&at=50%20ms&frame=3'
    const { element, run } = await ready()
    await until(() => run.playhead === 50 * MS, 'the playhead')
    equal(opened[1].seed, 3)
    await until(() => words(inside(element, 'packet-inspector', '.head')).startsWith('#3'), 'the packet')
  })

  it('downloads captures of all links and of one host', async () => {
    const { element, run } = await ready()
    const menu = inside(element, 'packet-capture-menu')
    const names: string[] = []
    replace(HTMLAnchorElement.prototype, 'click', function (this: HTMLAnchorElement) {
      names.push(this.download)
    })
    button(menu, 'Download capture').click()
    button(menu, 'Every link').click()
    button(menu, 'What bob saw').click()
    await until(() => names.length === 2, 'the files')
    same(run.told, ['capture links', 'capture host'])
    same(names, ['scripted-7-links.pcapng', 'scripted-7-bob.pcapng'])
  })

  it('downloads what QUIC connections were seen to do, where there are any', async () => {
    const { element, run } = await ready()
    const menu = inside(element, 'packet-capture-menu')
    const buttons = (): string[] => [...(menu.shadowRoot?.querySelectorAll('button') ?? [])].map((each) => words(each))
    ok(!buttons().includes('QUIC connections'), 'nobody has spoken QUIC')
    run.trace.eventAt(0, 0, 'quic:connection-started', { role: 'client', local: '10.0.0.1:5000', remote: '10.0.0.2:443' })
    const names: string[] = []
    replace(HTMLAnchorElement.prototype, 'click', function (this: HTMLAnchorElement) {
      names.push(this.download)
    })
    button(menu, 'Download capture').click()
    await until(() => buttons().includes('QUIC connections'), 'the choice')
    button(menu, 'QUIC connections').click()
    await until(() => names.length === 1, 'the file')
    same(run.told, ['qlog'])
    same(names, ['scripted-7.qlog'])
  })

  it('fills the window for a projector, in bigger type', async () => {
    const { element } = await ready()
    const size = (): number => Number.parseFloat(getComputedStyle(inside(element, '.header h2')).fontSize)
    const before = size()
    element.projector = true
    await settled(element)
    ok(size() > before * 1.2, 'the type is not bigger')
    equal(element.getBoundingClientRect().width, innerWidth)
    press(inside(element, '.header'), 'Escape')
    await settled(element)
    equal(size(), before)
  })

  it('takes the colours of the page around it, and the theme that it is given', async () => {
    const style = document.createElement('style')
    style.textContent = 'body { --packetarium-accent: rgb(1, 2, 3) }'
    document.head.append(style)
    const { element } = await ready({ scenario: 'scripted', theme: 'dark' })
    const play = inside(element, 'packet-transport', '.play')
    equal(getComputedStyle(play).backgroundColor, 'rgb(1, 2, 3)')
    const background = (): string => getComputedStyle(inside(element, '.playground')).backgroundColor
    equal(background(), 'rgb(20, 23, 28)')
    element.theme = 'light'
    await settled(element)
    equal(background(), 'rgb(251, 250, 247)')
    style.remove()
  })
})

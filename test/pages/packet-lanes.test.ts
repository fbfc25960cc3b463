import '../../components/packet-lanes/define.ts'
import type { PacketLanes } from '../../components/packet-lanes/packet-lanes.ts'
import { Selection } from '../../components/selection.ts'
import { TimeScale } from '../../components/time-scale.ts'
import { equal, match, ok, same } from './assert.ts'
import { assertAccessible } from './axe.ts'
import { button, inside, insideAll, mount, press, settled, unmount, until, words } from './mount.ts'
import { pageLoad } from './page-load.ts'
import { quicLoad } from './quic-load.ts'
import { MS, ScriptedRun } from './scripted-run.ts'

async function shown(run: ScriptedRun, at: number, more: Partial<PacketLanes> = {}): Promise<PacketLanes> {
  const element = await mount('packet-lanes', { run, ...more })
  run.goTo(at)
  await until(() => inside(element, '.tracks').clientWidth > 0, 'the layout')
  await settled(element)
  await settled(element)
  return element
}

async function at(element: PacketLanes, run: ScriptedRun, time: number): Promise<void> {
  run.goTo(time)
  await settled(element)
}

const now = (element: Element): string => words(inside(element, '.now'))
const names = (element: Element): string[] => insideAll(element, '.row .what').map(words)
const lane = (element: Element, name: string): HTMLElement => {
  const row = insideAll(element, '.row').find((each) => words(each.querySelector('.what')).startsWith(name))
  if (row === undefined) throw new Error(`no lane ${name}`)
  return row
}
const cell = (element: Element, name: string, kind: string): string => words(lane(element, name).querySelector(`.${kind}`))
const waits = (element: Element, name: string): HTMLElement[] =>
  insideAll(element, `.bar[data-lane="${lane(element, name).dataset['entry'] ?? ''}"] .span`)
const kinds = (spans: readonly HTMLElement[]): string[] => spans.map(({ classList }) => classList[1])

describe('<packet-lanes>', () => {
  afterEach(unmount)

  it('says that there is nothing before anything came', async () => {
    const element = await shown(new ScriptedRun(pageLoad()), 0)
    match(words(inside(element, '.empty')), /Press play/)
    equal(now(element), 'Nothing is held back.')
    await assertAccessible(element)
  })

  it('has a lane for the connection and one for each stream, as they come, called by what they carry', async () => {
    const run = new ScriptedRun(pageLoad())
    const element = await shown(run, 131 * MS)
    same(names(element), ['TCP alice:49152', '/ stream 1'])
    await at(element, run, 320 * MS)
    equal(names(element).length, 9)
    equal(names(element)[3], '/app.js stream 5')
    equal(cell(element, '/app.js', 'came'), '8.69 kB')
    await at(element, run, 60 * MS)
    same(names(element), [])
  })

  it('over TCP, what one lost segment holds back: who waits, for whose bytes, and how much', async () => {
    const run = new ScriptedRun(pageLoad())
    const element = await shown(run, 258 * MS)
    match(now(element), /^[4-7] streams wait for bytes of \/app\.js \(stream 5\)\./)
    ok(inside(element, '.now').classList.contains('blocked'), 'it does not stand out')
    equal(cell(element, '/style.css', 'held'), '1.45 kB')
    equal(cell(element, '/ ', 'held'), '')
    same(kinds(waits(element, '/style.css')), ['blocked'])
    match(cell(element, '/style.css', 'track'), /held back for bytes of \/app\.js \(stream 5\); waited .* for others/)
    // The hole stands on the lane of those whose bytes are missing, and from each that waits an arrow leads there.
    equal(insideAll(element, '.hole').length, 1)
    equal(insideAll(element, '.cross').length, 1)
    const waiting = insideAll(element, '.row.stream .held.some').length
    equal(insideAll(element, '.link').length, waiting - (cell(element, '/app.js', 'held') === '' ? 0 : 1))
    await at(element, run, 320 * MS)
    match(now(element), /^Nothing is held back\. \d streams waited for bytes of others, 1 for bytes of its own\.$/)
    equal(insideAll(element, '.link').length, 0)
  })

  it('over QUIC, one lost packet holds back its own stream, and no other', async () => {
    const run = new ScriptedRun(quicLoad())
    const element = await shown(run, 145 * MS)
    same(names(element), ['QUIC alice:49152', '/a.webp stream 0', '/b.webp stream 4', '/c.webp stream 8'])
    equal(now(element), '/b.webp (stream 4) waits for lost bytes of its own. No other does.')
    ok(!inside(element, '.now').classList.contains('blocked'), 'it stands out')
    same(
      ['/a', '/b', '/c'].map((name) => cell(element, name, 'held')),
      ['', '2.4 kB', ''],
    )
    same(
      ['/a', '/b', '/c'].map((name) => kinds(waits(element, name))),
      [[], ['repairing'], []],
    )
    equal(insideAll(element, '.link').length, 0)
    equal(insideAll(element, '.cross').length, 1)
    await at(element, run, 180 * MS)
    equal(now(element), 'Nothing is held back. No stream has waited for bytes of others, 1 for bytes of its own.')
    equal(cell(element, '/b', 'held'), '')
  })

  it('a lane says for which bytes it waited, and which packet was lost with them', async () => {
    const run = new ScriptedRun(quicLoad())
    const element = await shown(run, 180 * MS)
    lane(element, '/b').click()
    await settled(element)
    match(words(inside(element, '.facts')), /^https:\/\/bob\/b\.webp · stream 4 · .* · waited .* for its own$/)
    match(
      words(inside(element, '.reason')),
      /^Waited 36 ms for bytes 1,200–2,399 of stream 4: packet #5 was lost \(random loss on the link\); they belonged to \/b\.webp \(stream 4\)\. They came with packet #13\.$/,
    )
  })

  it('a click on a wait selects the lost packet; its button opens it', async () => {
    const run = new ScriptedRun(pageLoad())
    const selection = new Selection()
    const element = await shown(run, 320 * MS, { selection })
    const lost = run.trace.all_.find(({ fate }) => fate === 'random-loss')?.number ?? 0
    let opened = 0
    element.addEventListener('packet-lanes-inspect', (event) => (opened = (event as CustomEvent<number>).detail))
    waits(element, '/style.css')[0].click()
    await settled(element)
    same(selection.target, { kind: 'frame', number: lost })
    match(words(inside(element, '.reason')), /of the connection: packet #\d+ was lost .* they belonged to \/app\.js \(stream 5\)/)
    button(element, `packet #${String(lost)}`).click()
    equal(opened, lost)
  })

  it('the keyboard walks lanes, then the waits of one; Enter opens a packet, Escape lets go', async () => {
    const run = new ScriptedRun(pageLoad())
    const element = await shown(run, 320 * MS)
    const grid = inside(element, '.grid')
    let opened = 0
    element.addEventListener('packet-lanes-inspect', (event) => (opened = (event as CustomEvent<number>).detail))
    grid.focus()
    for (let step = 0; step < 3; step++) press(grid, 'ArrowDown')
    await settled(element)
    const active = grid.getAttribute('aria-activedescendant') ?? ''
    equal(active, lane(element, '/style.css').id)
    equal(inside(element, `#${active}`).getAttribute('aria-selected'), 'true')
    press(grid, 'ArrowRight')
    await settled(element)
    equal(insideAll(element, '.span.chosen').length, 1)
    press(grid, 'Enter')
    equal(opened, run.trace.all_.find(({ fate }) => fate === 'random-loss')?.number ?? -1)
    press(grid, 'Escape')
    await settled(element)
    equal(insideAll(element, '.details').length, 0)
  })

  it('keeps the chosen lane in view when what is known of it comes up', async () => {
    const element = await shown(new ScriptedRun(pageLoad()), 320 * MS)
    element.style.height = '330px'
    await settled(element)
    const last = insideAll(element, '.row').at(-1) ?? element
    last.click()
    await until(() => {
      const [row, grid] = [last.getBoundingClientRect(), inside(element, '.grid').getBoundingClientRect()]
      return row.bottom <= grid.bottom + 1 && row.top >= grid.top
    }, 'the lane comes into view')
  })

  it('tells those who do not see it, when it stands', async () => {
    const run = new ScriptedRun(quicLoad())
    const element = await shown(run, 145 * MS)
    equal(words(inside(element, '.told')), now(element))
    run.play()
    await at(element, run, 180 * MS)
    match(words(inside(element, '.told')), /stream 4/)
    run.pause()
    await settled(element)
    match(words(inside(element, '.told')), /^Nothing is held back\./)
  })

  it('while it plays, the playhead moves in each frame', async () => {
    const run = new ScriptedRun(quicLoad())
    const element = await shown(run, 120 * MS)
    run.play()
    await settled(element)
    const place = (): number => inside(element, '.playhead').getBoundingClientRect().left
    run.goTo(121 * MS)
    const before = place()
    run.goTo(130 * MS)
    ok(place() > before, 'it stands')
  })

  it('reaches as far as the lanes of another run that it shares a scale with', async () => {
    const scale = new TimeScale()
    const [short, long] = [new ScriptedRun(quicLoad()), new ScriptedRun(pageLoad())]
    const one = await shown(short, 200 * MS, { scale })
    const alone = words(inside(one, '.axis'))
    const other = await shown(long, 330 * MS, { scale })
    await settled(one)
    equal(words(inside(one, '.axis')), words(inside(other, '.axis')))
    other.remove()
    await settled(one)
    one.requestUpdate()
    await settled(one)
    equal(words(inside(one, '.axis')), alone)
  })

  it('forgets everything when the run begins anew', async () => {
    const run = new ScriptedRun(pageLoad())
    const element = await shown(run, 320 * MS)
    lane(element, '/style.css').click()
    await run.restart()
    await settled(element)
    same(names(element), [])
    equal(insideAll(element, '.details').length, 0)
  })

  for (const width of [390, 1200]) {
    it(`axe finds nothing, with a lane chosen, at ${String(width)} px; nothing sticks out`, async () => {
      const element = await shown(new ScriptedRun(pageLoad()), 258 * MS)
      element.style.width = `${String(width)}px`
      await settled(element)
      lane(element, '/style.css').click()
      await settled(element)
      await assertAccessible(element)
      const edge = element.getBoundingClientRect().right + 1
      for (const each of insideAll(element, '.head *, .row *, .details *')) {
        ok(
          each.getBoundingClientRect().right <= edge || each.closest('.visually-hidden, .track') !== null,
          `${each.className} sticks out`,
        )
      }
    })
  }
})

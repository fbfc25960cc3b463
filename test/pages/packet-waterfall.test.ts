import '../../components/packet-waterfall/define.ts'
import type { PacketWaterfall } from '../../components/packet-waterfall/packet-waterfall.ts'
import { Selection } from '../../components/selection.ts'
import { equal, match, ok, same } from './assert.ts'
import { assertAccessible } from './axe.ts'
import { button, choose, inside, insideAll, mount, press, settled, unmount, until, words } from './mount.ts'
import { pageLoad } from './page-load.ts'
import { MS, ScriptedRun, ScriptedTrace } from './scripted-run.ts'

async function shown(run: ScriptedRun, at: number, selection = new Selection()): Promise<PacketWaterfall> {
  const element = await mount('packet-waterfall', { run, selection })
  run.goTo(at)
  await until(() => inside(element, '.tracks').clientWidth > 0, 'the layout')
  await settled(element)
  await settled(element)
  return element
}

const rows = (element: Element): HTMLElement[] => insideAll(element, '.row')
const named = (element: Element, name: string): HTMLElement => {
  const row = rows(element).find((each) => words(each.querySelector('.file')) === name)
  if (row === undefined) throw new Error(`no row ${name}`)
  return row
}
const spansOf = (element: Element, row: number): HTMLElement[] => insideAll(element, `.bar[data-row="${String(row)}"] .span`)
const kinds = (spans: readonly HTMLElement[]): string[] => spans.map(({ classList }) => classList[1])

describe('<packet-waterfall>', () => {
  afterEach(unmount)

  it('says that there is nothing before a page is asked for', async () => {
    const run = new ScriptedRun(pageLoad(new ScriptedTrace(), 50 * MS))
    const element = await shown(run, 0)
    match(words(inside(element, '.empty')), /Press play/)
    await assertAccessible(element)
  })

  it('shows what has been asked for up to the playhead, with what is known of it then', async () => {
    const run = new ScriptedRun(pageLoad())
    const element = await shown(run, 100 * MS)
    same(
      rows(element).map((row) => words(row.querySelector('.file'))),
      ['alice: bob/', 'bob'],
    )
    equal(words(named(element, 'bob').querySelector('.status')), 'pending')
    match(words(named(element, 'bob').querySelector('.track')), /DNS 4 ms, Connect 40 ms, TLS 42 ms/)
    run.goTo(320 * MS)
    await settled(element)
    equal(rows(element).length, 9)
    equal(words(named(element, 'analytics.js?v=3').querySelector('.status')), '404')
    equal(words(named(element, 'app.js').querySelector('.protocol')), 'h2 · 5')
    run.goTo(100 * MS)
    await settled(element)
    equal(rows(element).length, 2)
  })

  it('draws the phases one after the other, and what was blocked by loss elsewhere', async () => {
    const element = await shown(new ScriptedRun(pageLoad()), 320 * MS)
    const spans = spansOf(element, 1)
    same(kinds(spans), ['queued', 'sending', 'waiting', 'receiving', 'blocked'])
    same(kinds(spansOf(element, 2)), ['queued', 'sending', 'waiting', 'receiving', 'repairing'])
    const boxes = spans.map((span) => span.getBoundingClientRect())
    for (let index = 1; index < boxes.length; index++) {
      ok(Math.abs(boxes[index].left - boxes[index - 1].right) < 1.5, `a gap or overlap before span ${String(index)}`)
    }
  })

  it('a row that was blocked says for which bytes, whose they were, and which packet was lost', async () => {
    const element = await shown(new ScriptedRun(pageLoad()), 320 * MS)
    named(element, 'style.css').click()
    await settled(element)
    const details = inside(element, '.details')
    match(
      words(details.querySelector('.reason')),
      /^Waited 35\.4 ms for bytes 27,512–28,959 of the connection: packet #\d+ was lost \(random loss on the link\); they belonged to stream 5 \(\/app\.js\)\. They came with packet #\d+\.$/,
    )
    match(words(details.querySelector('.facts')), /highest priority · holds up the first paint · found in \//)
  })

  it('its phases add up: the times shown are the whole', async () => {
    const element = await shown(new ScriptedRun(pageLoad()), 320 * MS)
    named(element, 'style.css').click()
    await settled(element)
    const times = insideAll(element, '.phases b').map((each) => Number.parseFloat(words(each)))
    const total = times.pop()
    equal(Math.round(times.reduce((sum, time) => sum + time, 0) * 1000), Math.round((total ?? 0) * 1000))
    equal(words(inside(element, '.row[aria-selected="true"] .time')), '143 ms')
    equal(total, 142.5)
  })

  it('a click on what was blocked selects the lost packet; its button opens it', async () => {
    const run = new ScriptedRun(pageLoad())
    const selection = new Selection()
    const element = await shown(run, 320 * MS, selection)
    const lost = run.trace.all_.find(({ fate }) => fate === 'random-loss')
    const opened: number[] = []
    element.addEventListener('packet-waterfall-inspect', (event) => {
      opened.push((event as CustomEvent<number>).detail)
    })
    spansOf(element, 1)[4].click()
    await settled(element)
    same(selection.target, { kind: 'frame', number: lost?.number ?? 0 })
    button(element, `packet #${String(lost?.number)}`).click()
    same(opened, [lost?.number ?? 0])
  })

  it('a click on a phase selects the packet that ended it', async () => {
    const run = new ScriptedRun(pageLoad())
    const selection = new Selection()
    const element = await shown(run, 320 * MS, selection)
    const waiting = spansOf(element, 1)[2]
    equal(kinds([waiting])[0], 'waiting')
    waiting.click()
    await settled(element)
    equal(selection.target?.kind, 'frame')
    match(words(inside(element, '.details')), /Waiting ended with packet #\d+\./)
  })

  it('the keyboard walks rows, then the parts of one; Enter opens a packet, Escape lets go', async () => {
    const run = new ScriptedRun(pageLoad())
    const element = await shown(run, 320 * MS)
    const grid = inside(element, '.grid')
    let opened = 0
    element.addEventListener('packet-waterfall-inspect', (event) => {
      opened = (event as CustomEvent<number>).detail
    })
    grid.focus()
    press(grid, 'ArrowDown')
    press(grid, 'ArrowDown')
    press(grid, 'ArrowDown')
    await settled(element)
    equal(grid.getAttribute('aria-activedescendant'), 'row-1')
    equal(inside(element, '#row-1').getAttribute('aria-selected'), 'true')
    press(grid, 'ArrowLeft')
    await settled(element)
    match(words(inside(element, '.phases .chosen')), /^Blocked by loss elsewhere/)
    press(grid, 'Enter')
    equal(opened, run.trace.all_.find(({ fate }) => fate === 'random-loss')?.number ?? -1)
    press(grid, 'End')
    await settled(element)
    equal(grid.getAttribute('aria-activedescendant'), 'row-7')
    press(grid, 'Escape')
    await settled(element)
    equal(insideAll(element, '.details').length, 0)
  })

  it('while a wait lasts, says so', async () => {
    const element = await shown(new ScriptedRun(pageLoad()), 260 * MS)
    named(element, 'style.css').click()
    await settled(element)
    match(words(inside(element, '.reason')), /^Waiting for 16\.8 ms so far for bytes/)
    match(words(inside(element, '.total')), /so far$/)
  })

  it('milestones have a line, and a label where there is room; the page’s row tells all', async () => {
    const element = await shown(new ScriptedRun(pageLoad()), 320 * MS)
    equal(insideAll(element, '.milestone').length, 4)
    ok(
      insideAll(element, '.milestone span').some((label) => words(label) === 'First paint 280 ms'),
      'no label',
    )
    rows(element)[0].click()
    await settled(element)
    match(words(inside(element, '.details')), /First paint 280 ms ?DOM ready 283 ms ?Visible 295 ms ?Loaded 304 ms/)
  })

  it('several pages can be seen together, or one alone', async () => {
    const trace = pageLoad(pageLoad(), 600 * MS, 0, 100)
    const element = await shown(new ScriptedRun(trace), 950 * MS)
    equal(insideAll(element, '.row.page').length, 2)
    choose(inside<HTMLSelectElement>(element, '.head select'), '1')
    await settled(element)
    equal(insideAll(element, '.row.page').length, 1)
    match(words(inside(element, '.axis')), /600 ms.*800 ms/)
  })

  it('two visits can be laid one below the other, each from its start', async () => {
    const element = await shown(new ScriptedRun(pageLoad(pageLoad(), 600 * MS, 0, 100)), 650 * MS)
    const lefts = (): number[] =>
      insideAll(element, '.bar').map((each) => (each.firstElementChild as HTMLElement).getBoundingClientRect().left)
    const [first, again] = [lefts()[0], lefts()[8]]
    ok(again > first + 100, 'the second visit does not begin later')
    inside(element, '.align input').click()
    await settled(element)
    equal(lefts()[0], lefts()[8])
    match(words(inside(element, '.axis')), /^0/)
    // The first visit is over, and the second has just begun.
    const [over, begun] = insideAll(element, '.playhead').map((line) => line.style)
    equal(over.visibility, 'hidden')
    equal(begun.visibility, '')
  })

  it('draws only what is in view, of however many resources', async () => {
    const element = await shown(new ScriptedRun(pageLoad(new ScriptedTrace(), 0, 300)), 2000 * MS)
    const grid = inside(element, '.grid')
    equal(grid.getAttribute('aria-rowcount'), '310')
    ok(rows(element).length < 40, `${String(rows(element).length)} rows are drawn`)
    press(grid, 'End')
    await until(() => insideAll(element, '#row-307').length === 1, 'the last row')
  })

  it('while it plays, the playhead and the bars move in each frame', async () => {
    const run = new ScriptedRun(pageLoad())
    const element = await shown(run, 100 * MS)
    run.play()
    await settled(element)
    const place = (): number => inside(element, '.playhead').getBoundingClientRect().left
    run.goTo(101 * MS)
    const before = place()
    run.goTo(120 * MS)
    ok(place() > before, 'it stands')
    match(inside(element, '.bars').style.clipPath, /^inset\(/)
  })

  it('forgets everything when the run begins anew', async () => {
    const run = new ScriptedRun(pageLoad())
    const element = await shown(run, 320 * MS)
    named(element, 'style.css').click()
    await run.restart()
    await settled(element)
    ok(rows(element).length <= 2, 'old rows are still there')
    equal(insideAll(element, '.details').length, 0)
  })

  it('axe finds nothing, with a row chosen, wide and narrow', async () => {
    const element = await shown(new ScriptedRun(pageLoad()), 320 * MS)
    named(element, 'style.css').click()
    await settled(element)
    await assertAccessible(element)
    element.style.width = '380px'
    await settled(element)
    await settled(element)
    equal(inside<HTMLDetailsElement>(element, '.legend').open, false)
    await assertAccessible(element)
  })
})

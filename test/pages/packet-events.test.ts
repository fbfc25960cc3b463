import '../../components/packet-events/define.ts'
import type { PacketEvents } from '../../components/packet-events/packet-events.ts'
import { Selection } from '../../components/selection.ts'
import { equal, match, ok, same } from './assert.ts'
import { assertAccessible } from './axe.ts'
import { button, choose, inside, insideAll, mount, press, settled, unmount, until, words } from './mount.ts'
import { MS, ScriptedRun, ScriptedTrace, longTrace } from './scripted-run.ts'

const rows = (element: PacketEvents): HTMLElement[] => insideAll(element, '.row')
const labels = (element: PacketEvents): string[] => rows(element).map(words)
const active = (element: PacketEvents): string | null => inside(element, '.list').getAttribute('aria-activedescendant')

describe('<packet-events>', () => {
  afterEach(unmount)

  it('is accessible, empty and full', async () => {
    match(words(inside(await mount('packet-events', { run: new ScriptedRun(new ScriptedTrace()) }), '.empty')), /Press play/)
    unmount()
    const run = new ScriptedRun()
    const element = await mount('packet-events', { run })
    await assertAccessible(element)
    run.goTo(200 * MS)
    await settled(element)
    press(inside(element, '.list'), 'ArrowUp')
    await settled(element)
    await assertAccessible(element)
  })

  it('tells in words what the canvas shows, up to the playhead', async () => {
    const run = new ScriptedRun()
    const element = await mount('packet-events', { run })
    run.goTo(70 * MS)
    await settled(element)
    same(labels(element).slice(0, 3), [
      '0.000 milliseconds, alice: Starts to load http://bob/',
      '0.000 milliseconds, #1 SYN, alice →to bob, 66 bytes, arrived',
      '20.000 milliseconds, #2 SYN, bob →to alice, 66 bytes, arrived',
    ])
    equal(rows(element).length, 12)
    match(labels(element).at(-1), /#11 Data, .*, on the way$/)
    run.goTo(30 * MS)
    await settled(element)
    equal(rows(element).length, 3, 'it went back too')
    match(labels(element)[2], /on the way$/)
  })

  it('says which packets were lost and why, not by colour alone', async () => {
    const run = new ScriptedRun()
    const element = await mount('packet-events', { run })
    run.goTo(80 * MS)
    await settled(element)
    const lost = rows(element).find((row) => row.classList.contains('lost'))
    match(words(lost), /#6 Data, .*, Lost: random loss on the link$/)
  })

  it('adds what a packet says, once it is known', async () => {
    const run = new ScriptedRun()
    const element = await mount('packet-events', { run })
    run.goTo(30 * MS)
    await until(() => words(rows(element)[1]).includes('49152 → 80 [ACK] seq 1'), 'the summary')
  })

  it('can be scrolled through the latest of more rows than a browser can place, and reaches the others by keys', async () => {
    const count = 510_000
    const run = new ScriptedRun(longTrace(count))
    const element = await mount('packet-events', { run })
    run.goTo(run.end)
    await settled(element)
    await settled(element)
    const list = inside(element, '.list')
    const isInView = (row: HTMLElement): boolean => {
      const [own, view] = [row.getBoundingClientRect(), list.getBoundingClientRect()]
      return own.top >= view.top - 1 && own.bottom <= view.bottom + 1
    }
    const reached = async (position: number): Promise<void> => {
      await until(
        () => rows(element).some((row) => row.getAttribute('aria-posinset') === String(position) && isInView(row)),
        `row ${String(position)} is in view`,
      )
    }
    await reached(count)
    ok(inside(element, '.spacer').offsetHeight < 30e6, 'it is not higher than browsers can place')
    press(list, 'Home')
    await reached(1)
    press(list, 'ArrowDown')
    await reached(2)
    press(list, 'End')
    await reached(count)
  })

  it('offers the latest of very many connections, and those that are chosen from stay while they are', async () => {
    const trace = longTrace(1000)
    const names = Array.from({ length: 5001 }, (_, index) => (index === 0 ? '' : `10.0.0.${String(index)} ↔ 10.9.9.9:80`))
    Object.defineProperty(trace, 'connections', { get: () => names })
    const run = new ScriptedRun(trace)
    const element = await mount('packet-events', { run })
    run.goTo(run.end)
    await settled(element)
    const list = inside<HTMLSelectElement>(element, 'select.connection')
    const offered = (): string[] => [...list.options].map((option) => words(option))
    equal(offered().length, 102)
    same([offered()[0], offered()[1], offered()[101]], ['All connections', 'The latest 100 of 5,000', names[5000]])
    names.push('10.0.0.1 ↔ 10.9.9.9:81')
    list.focus()
    run.goTo(run.end - MS)
    await settled(element)
    equal(offered()[101], names[5000])
    list.blur()
    run.goTo(run.end)
    await settled(element)
    equal(offered()[101], names[5001])
  })

  it('keeps few rows of 100,000 in the page, and all of them within reach', async () => {
    const run = new ScriptedRun(longTrace(100_000))
    const element = await mount('packet-events', { run })
    run.goTo(run.end)
    await settled(element)
    await settled(element)
    ok(rows(element).length < 60, `${String(rows(element).length)} rows`)
    equal(rows(element).at(-1)?.getAttribute('aria-setsize'), '100000')
    equal(rows(element).at(-1)?.getAttribute('aria-posinset'), '100000', 'it follows')
    press(inside(element, '.list'), 'Home')
    await settled(element)
    await settled(element)
    equal(active(element), 'row-1')
    equal(rows(element)[0]?.getAttribute('aria-posinset'), '1')
  })

  it('follows the playhead until somebody scrolls back, and again from the end on', async () => {
    const run = new ScriptedRun(longTrace(2000))
    const element = await mount('packet-events', { run })
    const list = inside(element, '.list')
    const follow = inside<HTMLInputElement>(element, '.follow input')
    run.goTo((1 * MS) / 2)
    await settled(element)
    await settled(element)
    const bottom = (): boolean => list.scrollTop + list.clientHeight >= list.scrollHeight - 2
    ok(bottom(), 'not at the end')
    list.scrollTop = 100
    await until(() => !follow.checked, 'following to stop')
    run.goTo(1 * MS)
    await settled(element)
    equal(list.scrollTop, 100)
    list.scrollTop = list.scrollHeight
    await until(() => follow.checked, 'following to go on')
    run.goTo(2 * MS)
    await settled(element)
    await settled(element)
    ok(bottom(), 'not at the end again')
  })

  it('filters by kind, host and words', async () => {
    const run = new ScriptedRun()
    const element = await mount('packet-events', { run })
    run.goTo(200 * MS)
    const show = inside<HTMLSelectElement>(element, '.show')
    choose(show, 'lost')
    await settled(element)
    equal(rows(element).length, 1)
    choose(show, 'events')
    await settled(element)
    equal(rows(element).length, 3)
    choose(show, 'all')
    choose(inside<HTMLInputElement>(element, '.search'), 'syn')
    await settled(element)
    equal(rows(element).length, 2)
    choose(inside<HTMLInputElement>(element, '.search'), 'there is no such thing')
    await settled(element)
    match(words(inside(element, '.empty')), /Nothing here/)
  })

  it('lets the keyboard walk, tells the selection, and follows one from elsewhere', async () => {
    const run = new ScriptedRun()
    const selection = new Selection()
    const element = await mount('packet-events', { run, selection })
    run.goTo(65 * MS)
    await settled(element)
    const list = inside(element, '.list')
    press(list, 'End')
    same(selection.target, { kind: 'frame', number: 9 })
    press(list, 'ArrowUp')
    await settled(element)
    same(selection.target, { kind: 'frame', number: 8 })
    equal(active(element), 'row-8')
    equal(inside(element, '#row-8').getAttribute('aria-selected'), 'true')
    selection.select({ kind: 'frame', number: 2 })
    await settled(element)
    await settled(element)
    equal(active(element), 'row-2')
  })

  it('Enter opens a packet', async () => {
    const run = new ScriptedRun()
    const element = await mount('packet-events', { run })
    run.goTo(65 * MS)
    await settled(element)
    let opened = 0
    element.addEventListener('packet-events-inspect', (event) => {
      opened = (event as CustomEvent<number>).detail
    })
    press(inside(element, '.list'), 'End')
    press(inside(element, '.list'), 'Enter')
    equal(opened, 9)
  })

  it('Delete drops a packet that is on its way', async () => {
    const run = new ScriptedRun()
    const element = await mount('packet-events', { run })
    run.goTo(65.5 * MS)
    await settled(element)
    press(inside(element, '.list'), 'End')
    press(inside(element, '.list'), 'Delete')
    await until(() => run.log.length === 1, 'the intervention')
    same(run.told, ['{"drop":{"frame":9}}'])
    await settled(element)
    match(words(inside(element, '#row-9')), /Lost: dropped by hand$/)
  })

  it('a packet that has arrived is dropped by going back to when it was sent', async () => {
    const run = new ScriptedRun()
    const element = await mount('packet-events', { run })
    run.goTo(150 * MS)
    await settled(element)
    inside(element, '#row-3').click()
    await settled(element)
    button(element, 'Go back, drop').click()
    await until(() => run.log.length === 1, 'the intervention')
    same(run.told, ['pause', `seek ${String(40 * MS + 1)}`, '{"drop":{"frame":3}}'])
  })

  it('says so when something cannot be done', async () => {
    const run = new ScriptedRun()
    run.refuses = 'No.'
    const element = await mount('packet-events', { run })
    run.goTo(65.5 * MS)
    await settled(element)
    let notice = ''
    element.addEventListener('packetarium-notice', (event) => {
      notice = (event as CustomEvent<{ text: string }>).detail.text
    })
    press(inside(element, '.list'), 'End')
    press(inside(element, '.list'), 'Delete')
    await until(() => notice === 'No.', 'the notice')
  })

  it('forgets the old rows when the run begins anew', async () => {
    const run = new ScriptedRun()
    const element = await mount('packet-events', { run })
    run.goTo(150 * MS)
    await settled(element)
    await run.restart()
    await settled(element)
    ok(rows(element).length <= 2, 'old rows are still there')
  })
})

import '../../components/packet-chart/define.ts'
import type { PacketChart } from '../../components/packet-chart/packet-chart.ts'
import { TimeScale } from '../../components/time-scale.ts'
import { equal, match, ok, same } from './assert.ts'
import { assertAccessible } from './axe.ts'
import { inside, insideAll, mount, press, settled, unmount, until, words } from './mount.ts'
import { StormRun } from './storm-run.ts'

const MS = 1_000_000
const SECOND = 1000 * MS

async function shown(run: StormRun, chart: number, more: Partial<PacketChart> = {}): Promise<PacketChart> {
  const element = await mount('packet-chart', { run, chart, ...more })
  element.style.width = '520px'
  await until(() => element.renderRoot.querySelector('.uplot canvas'), 'the drawing')
  await settled(element)
  return element
}

async function at(element: PacketChart, time: number): Promise<void> {
  await element.run?.seek(time)
  await settled(element)
  await settled(element)
}

const cells = (element: Element): string[][] =>
  insideAll(element, 'tbody tr').map((row) => [...row.children].map((cell) => words(cell)))

/** How many pixels of the drawing are in colour, that is, of no grey. */
function coloured(element: PacketChart): number {
  const canvas = inside<HTMLCanvasElement>(element, '.uplot canvas')
  const pixels = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? new Uint8ClampedArray()
  let count = 0
  for (let i = 0; i < pixels.length; i += 4) {
    if (
      pixels[i + 3] > 100 &&
      Math.max(pixels[i], pixels[i + 1], pixels[i + 2]) - Math.min(pixels[i], pixels[i + 1], pixels[i + 2]) > 60
    )
      count++
  }
  return count
}

describe('<packet-chart>', () => {
  afterEach(unmount)

  it('tells the values at the playhead and the peaks, with what each stands for', async () => {
    const run = new StormRun(200, 2)
    const element = await shown(run, 0)
    await at(element, 5 * SECOND)
    equal(words(inside(element, 'h4')), 'SYNs into the servers')
    const [, b] = cells(element)
    equal(words(inside(element, 'thead th')), 'Series per second, over 100 ms', 'of all of them')
    equal(b[0], 'server-b')
    match(b[1], /^\d+\/s$/)
    match(b[2], /^[\d,]+\/s at 4(\.\d)? s$/)
    const now = b[1]
    await at(element, 1 * SECOND)
    ok(cells(element)[1][1] !== now, 'going back shows what was there')
    ok(cells(element)[1][2] === b[2], 'the peak stays')
    await assertAccessible(element)
  })

  it('draws what was measured, and more of it as the run goes on', async () => {
    const run = new StormRun(200, 2)
    const element = await shown(run, 2)
    await at(element, 400 * MS)
    const before = coloured(element)
    await at(element, 5 * SECOND)
    ok(coloured(element) > before, 'there is more to see')
  })

  it('has an axis for each of two units, and piles up members of a crowd', async () => {
    const run = new StormRun(200, 2)
    const element = await shown(run, 1)
    await at(element, 4500 * MS)
    const counts = cells(element).map(([, count]) => Number(count.replaceAll(',', '')))
    ok(counts.every((count) => count >= 0) && counts.reduce((sum, count) => sum + count, 0) <= 200, `${String(counts)} of 200`)
    ok(counts[0] > 0 && counts[2] > 0, 'some are connected, some back off')
    const other = await shown(run, 2)
    await at(other, 4500 * MS)
    same(
      cells(other).map((row) => row[1]),
      ['100 %', '128'],
    )
  })

  it('goes to where it is clicked, and is moved by the keyboard', async () => {
    const run = new StormRun(200, 2)
    const element = await shown(run, 0)
    await at(element, 5 * SECOND)
    const plot = inside(element, '.plot')
    const over = inside(element, '.u-over').getBoundingClientRect()
    let told = 0
    element.addEventListener('packet-chart-seek', (event) => {
      told = (event as CustomEvent<number>).detail
    })
    plot.dispatchEvent(
      new PointerEvent('pointermove', {
        clientX: over.left + over.width / 4,
        clientY: over.top + 5,
        pointerId: 1,
        bubbles: true,
      }),
    )
    equal(run.playhead, 5 * SECOND, 'moving alone does nothing')
    press(plot, 'ArrowLeft')
    equal(run.playhead, 4900 * MS)
    press(plot, 'PageDown')
    equal(run.playhead, 3900 * MS)
    press(plot, 'Home')
    equal(run.playhead, 0)
    press(plot, 'End')
    equal(run.playhead, 5 * SECOND)
    equal(told, 5 * SECOND)
    equal(plot.getAttribute('role'), 'slider')
    match(plot.getAttribute('aria-valuetext'), /^5\ss: server-a .*, server-b .*\/s$/)
  })

  it('stands where the playhead is', async () => {
    const run = new StormRun(200, 2)
    const element = await shown(run, 0)
    await at(element, 5 * SECOND)
    const x = (): number => inside(element, '.playhead').getBoundingClientRect().left
    const over = inside(element, '.u-over').getBoundingClientRect()
    const end = x()
    await at(element, 2500 * MS)
    const half = x()
    ok(half < end && half > over.left, 'it has gone back')
    await at(element, 0)
    ok(Math.abs(x() - over.left) < 3, 'to the beginning')
    ok(Math.abs(half - over.left - (end - over.left) / 2) < 3, 'half way is half way')
  })

  it('begins anew when the run does', async () => {
    const run = new StormRun(200, 2)
    const element = await shown(run, 0)
    await at(element, 5 * SECOND)
    await run.restart()
    await settled(element)
    await settled(element)
    same(
      cells(element).map((row) => row[2]),
      ['–', '–'],
    )
    await at(element, 5 * SECOND)
    match(cells(element)[1][2], /at 4(\.\d)? s$/)
  })

  it('has the same axes as its twin', async () => {
    const scale = new TimeScale()
    const [run, other] = [new StormRun(200, 2), new StormRun(200, 8)]
    const element = await shown(run, 0, { scale })
    const twin = await shown(other, 0, { scale })
    await at(element, 2 * SECOND)
    await at(twin, 5 * SECOND)
    await settled(element)
    const valuemax = (each: Element): string | null => inside(each, '.plot').getAttribute('aria-valuemax')
    await until(() => {
      element.requestUpdate()
      return valuemax(element) === valuemax(twin)
    }, 'the same time on both axes')
  })

  it('shows a chart of its own', async () => {
    const run = new StormRun(200, 2)
    const element = await shown(run, 0, {
      plan: {
        title: 'All bytes',
        bucket: 128 * MS,
        stacked: false,
        series: [{ label: 'bytes', unit: 'bytes', perSecond: false, spec: { measure: 'bytes', as: 'total', when: 'sent' } }],
      },
    })
    await at(element, 1024 * MS)
    equal(words(inside(element, 'h4')), 'All bytes')
    // 2 packets of 120 bytes each millisecond, which makes 240 KiB; but the axis is in kB.
    same(cells(element), [['bytes', '246 kB', '–']])
  })

  it('fits a phone', async () => {
    const run = new StormRun(200, 2)
    const element = await shown(run, 2)
    element.style.width = '358px'
    await at(element, 5 * SECOND)
    await until(() => {
      const canvas = element.renderRoot.querySelector('.uplot canvas')
      return canvas !== null && canvas.getBoundingClientRect().width <= 358
    }, 'a narrower drawing')
    ok(inside(element, 'table').getBoundingClientRect().right <= element.getBoundingClientRect().right + 0.5, 'the table as well')
  })
})

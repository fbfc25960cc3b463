import '../../components/packet-transport/define.ts'
import { assertAccessible } from './axe.ts'
import { equal, match, ok, same } from './assert.ts'
import { button, choose, inside, insideAll, mount, press, settled, unmount, words } from './mount.ts'
import { MS, ScriptedRun } from './scripted-run.ts'

describe('<packet-transport>', () => {
  afterEach(unmount)

  it('is accessible, at the start and in the middle of a run', async () => {
    const run = new ScriptedRun()
    const element = await mount('packet-transport', { run })
    await assertAccessible(element)
    run.goTo(150 * MS)
    run.play()
    await settled(element)
    await assertAccessible(element)
  })

  it('plays and pauses', async () => {
    const run = new ScriptedRun()
    const element = await mount('packet-transport', { run })
    button(element, 'Play').click()
    await settled(element)
    button(element, 'Pause').click()
    await settled(element)
    button(element, 'Play')
    same(run.told, ['play', 'pause'])
  })

  it('plays again from the start when the end was reached', async () => {
    const run = new ScriptedRun()
    const element = await mount('packet-transport', { run })
    run.goTo(run.end)
    await settled(element)
    button(element, 'Play again').click()
    await settled(element)
    same(run.told, ['seek 0', 'play'])
  })

  it('steps forward and back', async () => {
    const run = new ScriptedRun()
    const element = await mount('packet-transport', { run })
    button(element, 'Step to the next event').click()
    button(element, 'Step back').click()
    same(run.told, ['step 1', 'step -1'])
  })

  it('says in words how fast it plays, on a logarithmic scale from 1/1000 to 10', async () => {
    const run = new ScriptedRun()
    const element = await mount('packet-transport', { run })
    const slider = inside<HTMLInputElement>(element, '#speed')
    match(words(inside(element, '.speed .words')), /10 ms takes 1 s/)
    match(slider.getAttribute('aria-valuetext')?.replaceAll('\u00a0', ' '), /^10 ms takes 1 s$/)
    choose(slider, '0')
    equal(run.speed, 0.001)
    choose(slider, slider.max)
    equal(run.speed, 10)
    await settled(element)
    match(words(inside(element, '.speed .words')), /10 s takes 1 s/)
    element.changeSpeed(-1)
    equal(run.speed, 7)
    run.pace = 0.4
    run.dispatchEvent(new Event('change'))
    await settled(element)
    match(words(inside(element, '.speed .words')), /^Slower here ?400 ms takes 1 s/)
    match(words(inside(element, '.speed [role=status]')), /cannot play it faster/)
  })

  it('shows the time and goes where the bar is dragged to', async () => {
    const run = new ScriptedRun()
    const element = await mount('packet-transport', { run })
    choose(inside<HTMLInputElement>(element, '.scrub input'), String(50 * MS))
    await settled(element)
    equal(run.playhead, 50 * MS)
    equal(words(inside(element, '.now')), '50.000 ms')
  })

  it('the keys on the bar go from event to event, and in strides', async () => {
    const run = new ScriptedRun()
    const element = await mount('packet-transport', { run })
    run.goTo(100 * MS)
    await settled(element)
    const bar = inside(element, '.scrub input')
    for (const key of ['ArrowRight', 'ArrowLeft']) ok(press(bar, key).defaultPrevented, key)
    press(bar, 'ArrowRight', { shiftKey: true })
    press(bar, 'PageDown')
    press(bar, 'Home')
    press(bar, 'End')
    const seeks = [110 * MS, 90 * MS, 0, 110 * MS].map((time) => `seek ${String(time)}`)
    same(run.told, ['step 1', 'step -1', ...seeks])
  })

  it('has room for the run from the start, and ends where the run ended', async () => {
    const run = new ScriptedRun()
    const element = await mount('packet-transport', { run })
    const bar = inside<HTMLInputElement>(element, '.scrub input')
    equal(bar.max, String(200 * MS), 'twenty seconds of watching at this speed')
    const max = bar.max
    run.goTo(100 * MS)
    await settled(element)
    equal(bar.max, max, 'it did not move')
    run.goTo(run.end)
    await settled(element)
    equal(bar.max, String(run.end))
  })

  it('counts what its marks show', async () => {
    const run = new ScriptedRun()
    const element = await mount('packet-transport', { run })
    run.goTo(150 * MS)
    await settled(element)
    await run.intervene({ cut: 'alice-bob' })
    await settled(element)
    equal(words(inside(element, '#summary')), '1 loss, 1 retransmission, 1 intervention')
    const canvas = inside<HTMLCanvasElement>(element, 'canvas')
    const pixels = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? new Uint8ClampedArray()
    ok(
      pixels.some((value) => value !== 0),
      'nothing was drawn',
    )
  })

  it('does nothing while there is no engine', async () => {
    const run = new ScriptedRun()
    run.state = 'loading'
    const element = await mount('packet-transport', { run })
    ok(button(element, 'Play').disabled, 'play is open')
    ok(inside<HTMLInputElement>(element, '#speed').disabled, 'speed is open')
  })

  it('offers to skip ahead when nothing has been on the way for a while', async () => {
    const run = new ScriptedRun()
    const element = await mount('packet-transport', { run })
    const skip = (): HTMLElement[] => insideAll(element, '.skip')
    run.play()
    run.goTo(120 * MS)
    await settled(element)
    equal(skip().length, 0, 'a packet is on its way')
    run.goTo(135 * MS)
    await settled(element)
    equal(skip().length, 0, 'not yet')
    run.goTo(150 * MS)
    await settled(element)
    equal(skip().length, 1)
    run.told.length = 0
    skip()[0].click()
    await settled(element)
    same(run.told, ['step 1', 'play'])
  })

  it('lets go of its run when it is taken away', async () => {
    const run = new ScriptedRun()
    const element = await mount('packet-transport', { run })
    element.remove()
    run.goTo(50 * MS)
    await settled(element)
    equal(words(inside(element, '.now')), '0.000 ms')
    document.body.append(element)
    await settled(element)
    equal(words(inside(element, '.now')), '50.000 ms')
  })
})

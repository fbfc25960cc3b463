import '../../components/packet-knobs/define.ts'
import { equal, match, same } from './assert.ts'
import { assertAccessible } from './axe.ts'
import { choose, inside, insideAll, mount, settled, unmount, words } from './mount.ts'
import { MS, SCENARIO, ScriptedRun, scriptedTrace } from './scripted-run.ts'

describe('<packet-knobs>', () => {
  afterEach(unmount)

  it('is accessible', async () => {
    const element = await mount('packet-knobs', { run: new ScriptedRun() })
    await assertAccessible(element)
  })

  it('shows values with their units, and says which start the run anew', async () => {
    const element = await mount('packet-knobs', { run: new ScriptedRun() })
    const [loss, sack] = insideAll(element, '.knob').map(words)
    match(loss, /^Packet loss ?0 %/)
    match(sack, /starts the run anew/)
  })

  it('shows a value while it is chosen, and sets it when let go', async () => {
    const run = new ScriptedRun()
    const element = await mount('packet-knobs', { run })
    const slider = inside<HTMLInputElement>(element, '#knob-0')
    slider.value = '0.05'
    slider.dispatchEvent(new Event('input'))
    await settled(element)
    equal(words(inside(element, 'output')), '5 %')
    equal(run.told.length, 0)
    slider.dispatchEvent(new Event('change'))
    await settled(element)
    same(run.told, ['{"set":{"knob":"loss","value":0.05}}'])
    equal(words(inside(element, 'output')), '5 %')
  })

  it('sets switches and choices', async () => {
    const run = new ScriptedRun()
    const element = await mount('packet-knobs', { run })
    insideAll(element, '[role=switch]')[0].click()
    insideAll(element, 'input[type=radio]')[1].click()
    await settled(element)
    same(run.told, ['{"set":{"knob":"sack","value":false}}', '{"set":{"knob":"recovery","value":"none"}}'])
  })

  it('stands where it stood when that was refused', async () => {
    const run = new ScriptedRun()
    run.refuses = 'No.'
    const element = await mount('packet-knobs', { run })
    choose(inside<HTMLInputElement>(element, '#knob-0'), '0.05')
    await settled(element)
    await settled(element)
    equal(words(inside(element, 'output')), '0 %')
    equal(inside<HTMLInputElement>(element, '#knob-0').value, '0')
  })

  it('goes back in time with the playhead', async () => {
    const run = new ScriptedRun()
    const element = await mount('packet-knobs', { run })
    run.goTo(50 * MS)
    await run.intervene({ set: { knob: 'loss', value: 0.1 } })
    await settled(element)
    equal(words(inside(element, 'output')), '10 %')
    run.goTo(10 * MS)
    await settled(element)
    equal(words(inside(element, 'output')), '0 %')
  })

  it('has many choices in a list to open', async () => {
    const choices = [100, 200, 500, 1000, 2000, 5000, 10_000].map((value) => ({ value, label: String(value) }))
    const knobs = SCENARIO.knobs.map((knob) =>
      knob.control.kind === 'choice' ? { ...knob, control: { ...knob.control, choices }, value: 500 } : knob,
    )
    const run = new ScriptedRun(scriptedTrace(), { ...SCENARIO, knobs })
    const element = await mount('packet-knobs', { run })
    await assertAccessible(element)
    const list = inside<HTMLSelectElement>(element, 'select')
    equal(list.selectedIndex, 2)
    list.selectedIndex = 6
    list.dispatchEvent(new Event('change'))
    await settled(element)
    same(run.told, ['{"set":{"knob":"recovery","value":10000}}'])
  })

  it('is not there for a scenario without knobs', async () => {
    const element = await mount('packet-knobs', { run: new ScriptedRun(scriptedTrace(), { ...SCENARIO, knobs: [] }) })
    equal(insideAll(element, '.knob').length, 0)
  })
})

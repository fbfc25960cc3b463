import '../../components/packet-lesson/define.ts'
import '../../components/packet-claims/define.ts'
import { equal, match, ok } from './assert.ts'
import { assertAccessible } from './axe.ts'
import { button, inside, insideAll, mount, settled, unmount, words } from './mount.ts'
import { MS, ScriptedRun } from './scripted-run.ts'

describe('<packet-lesson>', () => {
  afterEach(unmount)

  it('is accessible', async () => {
    await assertAccessible(await mount('packet-lesson', { run: new ScriptedRun() }))
  })

  it('shows one step at a time, and markup of strangers as text', async () => {
    const element = await mount('packet-lesson', { run: new ScriptedRun() })
    equal(words(inside(element, '.step.current')), 'Press play.')
    equal(words(inside(element, '.step.current strong')), 'play')
    button(element, 'Next').click()
    await settled(element)
    equal(words(inside(element, '.step.current code')), 'data')
    button(element, 'Next').click()
    await settled(element)
    equal(words(inside(element, '.step.current')), 'That is all <b>there</b> is.')
    ok(button(element, 'Next').disabled, 'there is no fourth')
    button(element, 'Back').click()
    await settled(element)
    match(words(inside(element, 'h3')), /Step 2 of 3/)
  })

  it('says when what a step waits for has happened, and remembers it', async () => {
    const run = new ScriptedRun()
    const element = await mount('packet-lesson', { run })
    equal(words(inside(element, '[role=status]')), 'Try it', 'the first event is at time 0, but nobody has pressed play')
    run.goTo(1)
    await settled(element)
    equal(words(inside(element, '[role=status]')), 'Done')
    button(element, 'Next').click()
    await settled(element)
    equal(words(inside(element, '[role=status]')), 'Try it')
    run.goTo(65 * MS)
    await run.intervene({ drop: { frame: 8 } })
    await settled(element)
    equal(words(inside(element, '[role=status]')), 'Done')
    run.goTo(10 * MS)
    await settled(element)
    equal(words(inside(element, '[role=status]')), 'Done')
  })

  it('counts a knob that starts the run anew as turned, and only from when the step is shown', async () => {
    const first = new ScriptedRun()
    const lesson = [{ text: 'Wait.' }, { text: 'Turn a knob.', until: { intervention: 'set' as const } }]
    const run = new ScriptedRun(undefined, { ...first.scenario, lesson })
    const turn = async (value: boolean): Promise<void> => {
      const knobs = run.scenario.knobs.map((knob) => (knob.name === 'sack' ? { ...knob, value } : knob))
      Object.assign(run, { scenario: { ...run.scenario, knobs } })
      await run.restart()
    }
    const element = await mount('packet-lesson', { run })
    await turn(false)
    button(element, 'Next').click()
    await settled(element)
    equal(words(inside(element, '[role=status]')), 'Try it', 'that was before')
    await run.restart()
    await settled(element)
    equal(words(inside(element, '[role=status]')), 'Try it', 'starting over turns no knob')
    await turn(true)
    await settled(element)
    equal(words(inside(element, '[role=status]')), 'Done')
  })

  it('asks what the reader expects, and recalls it', async () => {
    const lesson = [
      { text: 'Who wins?', predict: ['Alice', 'Bob'] },
      { text: 'Look.' },
      { text: 'And?', predict: ['Yes', 'No'] },
      { text: 'So.' },
    ]
    const run = new ScriptedRun(undefined, { ...new ScriptedRun().scenario, lesson })
    const element = await mount('packet-lesson', { run })
    await assertAccessible(element)
    const recalled = (): string[] => insideAll(element, '.recall').map((line) => words(line))
    equal(recalled().join(), 'You have not said what you expect.,You have not said what you expect.')
    const [, bob] = insideAll(element, '.step.current input')
    ;(bob as HTMLInputElement).click()
    button(element, 'Next').click()
    await settled(element)
    equal(words(inside(element, '.step.current .recall')), 'You expected: Bob')
    equal(recalled()[1], 'You have not said what you expect.', 'that is another question')
    button(element, 'Back').click()
    await settled(element)
    ok((insideAll(element, '.step.current input')[1] as HTMLInputElement).checked, 'it can be changed')
    element.run = new ScriptedRun()
    await settled(element)
    equal(insideAll(element, '.predict').length, 0)
  })

  it('does not move when another step is shown', async () => {
    const element = await mount('packet-lesson', { run: new ScriptedRun() })
    element.style.width = '260px'
    const height = element.offsetHeight
    button(element, 'Next').click()
    await settled(element)
    equal(element.offsetHeight, height)
  })
})

describe('<packet-claims>', () => {
  afterEach(unmount)

  it('measures when the run has ended, and says both yes and no', async () => {
    const run = new ScriptedRun()
    const element = await mount('packet-claims', {
      run,
      judge: (trace) => [
        {
          says: 'Frames were sent.',
          cites: 'RFC 9293',
          holds: trace.frameCount > 0,
          evidence: `${String(trace.frameCount)} frames`,
        },
        { says: 'Pigs fly.', cites: '', holds: false, evidence: 'none did' },
      ],
    })
    equal(insideAll(element, 'li').length, 0)
    run.goTo(run.end)
    await settled(element)
    match(words(insideAll(element, 'li')[0]), /Frames were sent\. Holds here\. 12 frames RFC 9293/)
    match(words(insideAll(element, 'li')[1]), /Pigs fly\. Does not hold here\. none did/)
    await assertAccessible(element)
  })
})

// What is done to the style sheet after esbuild put it together.
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import postcss from 'postcss'

// Bootstrap's own scripts set these.
const always = ['show', 'showing', 'hide', 'hiding', 'fade', 'collapse', 'collapsing', 'collapsed', 'offcanvas-backdrop', 'active', 'disabled']

// words are all that may be a class in a page or a script. One that ends with a
// hyphen is a beginning that code puts something after.
async function words() {
  const files = []
  for (const [dir, wanted] of [['../page', /(\.templ|(?<!_templ|_test)\.go)$/], ['js', /\.js$/]]) {
    for (const name of await readdir(dir, { recursive: true })) if (wanted.test(name)) files.push(join(dir, name))
  }
  const found = new Set(always)
  for (const file of files) {
    for (const word of (await readFile(file, 'utf8')).match(/[a-zA-Z][\w-]*/g) ?? []) found.add(word)
  }
  return found
}

// onlyUsed leaves out the rules for classes that no page and no script names.
export async function onlyUsed(css) {
  const found = await words()
  const beginnings = [...found].filter((word) => word.endsWith('-') && word.length > 3)
  const used = (name) => found.has(name) || beginnings.some((start) => name.startsWith(start))
  const usedAll = (selector) =>
    [...selector.replace(/:not\([^)]*\)/g, '').matchAll(/\.(-?[a-zA-Z_](?:[\w-]|\\.)*)/g)].every(([, name]) => used(name.replace(/\\/g, '')))
  const root = postcss.parse(css)
  root.walkRules((rule) => {
    if (rule.parent.type === 'atrule' && rule.parent.name.endsWith('keyframes')) return
    rule.selectors = rule.selectors.filter(usedAll)
    if (rule.selectors.length === 0 || rule.selector === '') rule.remove()
  })
  root.walkAtRules(/^(media|supports)$/, (rule) => {
    if (rule.nodes.length === 0) rule.remove()
  })
  return root.toString()
}

// darkWithoutScript lets every rule for the dark theme hold too where the visitor
// chose none and the system is dark.
export function darkWithoutScript(css) {
  const chosen = /\[data-bs-theme="?dark"?\]/g
  const root = postcss.parse(css)
  root.walkRules((rule) => {
    const dark = rule.selectors.filter((selector) => selector.search(chosen) >= 0)
    if (dark.length === 0) return
    const copy = rule.clone({ selectors: dark.map((selector) => selector.replace(chosen, ':root:not([data-bs-theme])').replace(/:root:root/g, ':root')) })
    const media = postcss.atRule({ name: 'media', params: '(prefers-color-scheme:dark)' })
    media.append(copy)
    rule.after(media)
  })
  return root.toString()
}

// Puts the icons that pages and scripts name into one SVG sprite.
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'

const calls = /\b(?:icon|Icon|Empty)\(\s*["']([a-z0-9-]+)["']/g

export async function sprite() {
  const names = new Map()
  for (const [dir, ext] of [['../page', '.templ'], ['js', '.js']]) {
    for (const file of await readdir(dir, { recursive: true })) {
      if (!file.endsWith(ext)) continue
      for (const [, name] of (await readFile(join(dir, file), 'utf8')).matchAll(calls)) names.set(name, join(dir, file))
    }
  }
  const symbols = []
  for (const [name, file] of [...names].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const svg = await readFile(join('node_modules/bootstrap-icons/icons', `${name}.svg`), 'utf8').catch(() => {
      throw new Error(`${file}: there is no icon called ${name}`)
    })
    const [, box, shapes] = svg.match(/viewBox="([^"]+)"[^>]*>([\s\S]*)<\/svg>/)
    symbols.push(`<symbol id="${name}" viewBox="${box}">${shapes.replace(/\s*\n\s*/g, '')}</symbol>`)
  }
  return `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join('')}</svg>\n`
}

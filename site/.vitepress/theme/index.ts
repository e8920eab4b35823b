import type { Theme } from "vitepress"
import DefaultTheme from "vitepress/theme"
import LocksAtWork from "./see/LocksAtWork.vue"
import "./style.css"

const theme: Theme = {
  extends: DefaultTheme,
  enhanceApp: ({ app }) => {
    app.component("LocksAtWork", LocksAtWork)
  }
}

export default theme

/** Where the browser starts. */
import { render } from "preact";
import { App } from "./app.tsx";
import "uplot/dist/uPlot.min.css";
import "./app.css";

render(<App />, document.getElementById("app")!);

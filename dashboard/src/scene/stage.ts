// What a scene is seen with: light, ground, camera.

import {
  Color,
  DirectionalLight,
  GridHelper,
  HemisphereLight,
  PerspectiveCamera,
  Scene,
  Spherical,
  Vector3,
  WebGLRenderer,
} from 'three';
import { OrbitControls } from 'three/examples/jsm/controls/OrbitControls.js';
import { color, onThemeChange } from '../theme.ts';

const TARGET = new Vector3(0.25, 0, 0.42);
const DIRECTION = new Vector3(0.72, -0.62, 0.3).normalize();
/** From the target to the camera, where the picture is at least as wide as high [m]. */
const DISTANCE = 2.5;
/** An arrow key turns the view by so much [rad], and a zoom key moves it closer by so much. */
const KEY_TURN = Math.PI / 24;
const KEY_ZOOM = 0.9;

export class Stage {
  readonly scene = new Scene();
  readonly canvas: HTMLCanvasElement;
  isFollowing = false;
  readonly #renderer: WebGLRenderer;
  readonly #camera = new PerspectiveCamera(35, 1, 0.01, 30);
  readonly #controls: OrbitControls;
  readonly #followed = new Vector3(NaN, NaN, NaN);
  #grid: GridHelper | undefined;
  #isDirty = true;

  /** Throws where the browser has no WebGL. */
  constructor(container: HTMLElement) {
    this.#renderer = new WebGLRenderer({ antialias: true });
    this.#renderer.setPixelRatio(Math.min(devicePixelRatio, 2));
    this.canvas = this.#renderer.domElement;
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute('aria-label', 'the arm in 3D; arrow keys turn the view, + and − zoom');
    container.prepend(this.canvas);
    this.#camera.up.set(0, 0, 1);
    this.#controls = new OrbitControls(this.#camera, this.canvas);
    this.#controls.maxPolarAngle = 0.54 * Math.PI;
    this.#controls.minDistance = 0.3;
    this.#controls.maxDistance = 8;
    this.#controls.addEventListener('change', () => this.invalidate());
    this.scene.add(new HemisphereLight(0xffffff, 0x667788, 1.7));
    for (const [x, y, z, strength] of [
      [2, -3, 4, 1.6],
      [-3, 2, 2, 0.5],
    ] as const) {
      const light = new DirectionalLight(0xffffff, strength);
      light.position.set(x, y, z);
      this.scene.add(light);
    }
    new ResizeObserver(() => this.#resize(container)).observe(container);
    this.canvas.addEventListener('keydown', (event) => this.#onKey(event));
    onThemeChange(() => this.#paint());
    this.#paint();
    this.#resize(container);
    this.reset();
  }

  invalidate(): void {
    this.#isDirty = true;
  }

  /** Draws, if anything has changed. */
  render(): void {
    if (!this.#isDirty) return;
    this.#isDirty = false;
    this.#renderer.render(this.scene, this.#camera);
  }

  reset(): void {
    this.isFollowing = false;
    this.#followed.setScalar(NaN);
    // A narrow picture shows the whole arm from further away.
    const distance = DISTANCE / Math.min(1, this.#camera.aspect);
    this.#controls.target.copy(TARGET);
    this.#camera.position.copy(TARGET).addScaledVector(DIRECTION, distance);
    this.#controls.update();
    this.invalidate();
  }

  /** Moves the view along with a place, while it follows. */
  follow(x: number, y: number, z: number): void {
    const place = new Vector3(x, y, z);
    if (this.isFollowing && Number.isFinite(this.#followed.x)) {
      const step = place.clone().sub(this.#followed);
      this.#controls.target.add(step);
      this.#camera.position.add(step);
      this.#controls.update();
    }
    this.#followed.copy(place);
  }

  dispose(): void {
    this.#controls.dispose();
    this.#renderer.dispose();
    this.#renderer.forceContextLoss();
  }

  #onKey(event: KeyboardEvent): void {
    const offset = this.#camera.position.clone().sub(this.#controls.target);
    // Spherical's pole is y; the arm's is z.
    const { x, y, z } = offset;
    const around = new Spherical().setFromVector3(new Vector3(x, z, -y));
    if (event.key === 'ArrowLeft') around.theta -= KEY_TURN;
    else if (event.key === 'ArrowRight') around.theta += KEY_TURN;
    else if (event.key === 'ArrowUp') around.phi = Math.max(0.02, around.phi - KEY_TURN);
    else if (event.key === 'ArrowDown') around.phi += KEY_TURN;
    else if (event.key === '+' || event.key === '=') around.radius *= KEY_ZOOM;
    else if (event.key === '-') around.radius /= KEY_ZOOM;
    else return;
    event.preventDefault();
    const turned = new Vector3().setFromSpherical(around);
    this.#camera.position
      .copy(this.#controls.target)
      .add(new Vector3(turned.x, -turned.z, turned.y));
    this.#controls.update();
    this.invalidate();
  }

  #paint(): void {
    this.scene.background = new Color(color('stage'));
    if (this.#grid !== undefined) {
      this.scene.remove(this.#grid);
      this.#grid.dispose();
    }
    this.#grid = new GridHelper(3, 15, color('grid-strong'), color('grid'));
    this.#grid.rotation.x = Math.PI / 2;
    this.#grid.position.z = -0.001;
    this.scene.add(this.#grid);
    this.invalidate();
  }

  #resize(container: HTMLElement): void {
    const { clientWidth: width, clientHeight: height } = container;
    if (width === 0 || height === 0) return;
    const isFirst = this.#camera.aspect === 1;
    this.#renderer.setSize(width, height, false);
    this.#camera.aspect = width / height;
    this.#camera.updateProjectionMatrix();
    if (isFirst) this.reset();
    this.invalidate();
    // A canvas that was resized is empty until it is drawn.
    this.render();
  }
}

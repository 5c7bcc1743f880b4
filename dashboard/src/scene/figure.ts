// An arm as it is drawn: frames that turn, and the meshes in them.

import { Group, type Material, Mesh, type Object3D } from 'three';
import { FINGER_Z, FLANGE_Z, HAND_YAW, JOINT_FRAMES } from '../kinematics.ts';
import { loadMeshes, type Model } from './meshes.ts';

/** What makes the meshes of a figure: one of a geometry, or several in an order. */
export type Look = readonly { material: Material; renderOrder: number }[];

export class Figure {
  readonly root = new Group();
  readonly flange = new Group();
  readonly #joints: Group[] = [];
  readonly #hand = new Group();
  readonly #fingers = [new Group(), new Group()];
  readonly #look: Look;

  constructor(model: Model, look: Look, onLoad: (error?: unknown) => void) {
    this.#look = look;
    let parent: Object3D = this.root;
    for (const { place, turns } of JOINT_FRAMES) {
      const frame = new Group();
      frame.position.set(...place);
      frame.rotation.x = (turns * Math.PI) / 2;
      const joint = new Group();
      frame.add(joint);
      parent.add(frame);
      parent = joint;
      this.#joints.push(joint);
    }
    this.flange.position.z = FLANGE_Z;
    parent.add(this.flange);
    this.#hand.rotation.z = HAND_YAW;
    this.#hand.visible = false;
    this.flange.add(this.#hand);
    for (const [nth, finger] of this.#fingers.entries()) {
      finger.position.z = FINGER_Z;
      finger.rotation.z = nth * Math.PI;
      this.#hand.add(finger);
    }
    loadMeshes(model).then(
      ({ links, hand, finger }) => {
        for (const [nth, parent] of [this.root, ...this.#joints].entries()) {
          this.#dress(parent, links[nth]);
        }
        this.#dress(this.#hand, hand);
        for (const parent of this.#fingers) this.#dress(parent, finger);
        onLoad();
      },
      (error: unknown) => onLoad(error),
    );
  }

  #dress(parent: Object3D, geometry: Mesh['geometry'] | undefined): void {
    for (const { material, renderOrder } of this.#look) {
      const mesh = new Mesh(geometry, material);
      mesh.renderOrder = renderOrder;
      parent.add(mesh);
    }
  }

  set(q: ArrayLike<number>): void {
    for (const [nth, joint] of this.#joints.entries()) joint.rotation.z = q[nth] ?? 0;
  }

  /** Shows the hand, and the fingers where it is known how far apart they are [m]. */
  setHand(isThere: boolean, width: number): void {
    this.#hand.visible = isThere;
    for (const [nth, finger] of this.#fingers.entries()) {
      finger.visible = Number.isFinite(width);
      finger.position.y = (nth === 0 ? 1 : -1) * (width / 2 || 0);
    }
  }

  /** Returns how far apart the fingers are drawn [m]; NaN where they are not. */
  fingers(): number {
    const [left, right] = this.#fingers;
    if (left === undefined || right === undefined) return NaN;
    const isShown = this.#hand.visible && left.visible;
    return isShown ? left.position.y - right.position.y : NaN;
  }

  /** Returns the angles as they are drawn [rad], read back from the turned frames. */
  joints(): number[] {
    return this.#joints.map(({ quaternion: { z, w } }) => 2 * Math.atan2(z, w));
  }
}

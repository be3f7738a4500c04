use std::time::Instant;
use surefoot::random::{Purpose, standard_normal, stream};
use surefoot::train::coupling::{Assignment, Costs};
fn main() {
    for d in [2, 64] {
        for n in [128, 256, 512, 1024, 2000] {
            let mut rng = stream(1, 0, Purpose::Source);
            let mut x = vec![0.0; n * d];
            let mut y = vec![0.0; n * d];
            standard_normal(&mut rng, &mut x);
            standard_normal(&mut rng, &mut y);
            for (i, p) in y.chunks_mut(d).enumerate() {
                for v in p {
                    *v = *v * 0.5 + if i % 2 == 0 { 2.0 } else { -2.0 };
                }
            }
            let mut t = vec![];
            let mut tc = vec![];
            for _ in 0..9 {
                let s = Instant::now();
                let c = Costs::squared_distances(d, &x, &y).unwrap();
                tc.push(s.elapsed().as_secs_f64());
                let a = Assignment::solve(&c);
                t.push(s.elapsed().as_secs_f64());
                std::hint::black_box(a.total);
            }
            t.sort_by(f64::total_cmp);
            tc.sort_by(f64::total_cmp);
            println!("{d} {n} cost {:.3} all {:.3} ms", tc[4] * 1e3, t[4] * 1e3);
        }
    }
}

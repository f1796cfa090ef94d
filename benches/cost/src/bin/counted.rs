//! Allocations and attributes of each variant: `name allocations bytes attributes`, a line each, for the whole run of
//! [`cost::COUNTED`] requests. A program of its own, because a counting allocator is linked into all of it and would
//! cost instructions.

use cost::{COUNTED, WARM_UP, app::run, pipeline::Pipeline, variant::VARIANTS};

fn main() {
    for variant in VARIANTS {
        let pipeline = Pipeline::new();
        let router = variant.router(&pipeline);
        for _ in 0..WARM_UP {
            run(&router, variant.request());
        }
        let (mut allocations, mut bytes) = (0, 0);
        for _ in 0..COUNTED {
            let request = variant.request();
            let info = allocation_counter::measure(|| {
                run(&router, request);
            });
            allocations += info.count_total;
            bytes += info.bytes_total;
        }
        let attributes = pipeline.attributes();
        println!("{} {allocations} {bytes} {attributes}", variant.name);
    }
}

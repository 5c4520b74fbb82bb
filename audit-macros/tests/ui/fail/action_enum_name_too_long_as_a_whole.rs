use audit_core::AuditAction;

#[derive(AuditAction)]
#[audit(prefix = "a_rather_long_prefix_of_sixty_four_bytes_in_all_that_goes_on_a.b")]
enum Action {
    #[audit(name = "a_rather_long_name_of_sixty_four_bytes_in_all_that_goes_on_a.bcd")]
    Long,
    Short,
}

fn main() {}
